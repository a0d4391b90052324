"""The environment of nodes that run as a child process."""

from __future__ import annotations

from ankle_predictor.nodes.child_process import free_domain, private_environment


def test_no_other_ros_program_hears_the_nodes() -> None:
    assert free_domain("5") in range(1, 100)
    environment = private_environment({"ROS_DOMAIN_ID": "7", "ROS_STATIC_PEERS": "10.0.0.1", "HOME": "/h"})
    assert environment["ROS_DOMAIN_ID"] != "7"
    assert environment["ROS_AUTOMATIC_DISCOVERY_RANGE"] == "LOCALHOST"
    assert "ROS_STATIC_PEERS" not in environment
    assert environment["HOME"] == "/h"
