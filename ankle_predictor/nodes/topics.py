"""The names of all topics, relative to the namespace of one leg, and their message types."""

from __future__ import annotations

from ankle_imu_driver.conventions import ENCODER_TOPIC, FOOT, RAW_TOPICS, SHANK, STREAM_NAMES

SEGMENT_TOPICS = {stream: f"{STREAM_NAMES[stream]}/imu/data" for stream in (SHANK, FOOT)}
JOINT_TOPIC = "joint_states"
FORECAST_TOPIC, DETAIL_TOPIC = "forecast", "forecast_detail"
DIAGNOSTICS_TOPIC = "diagnostics"
TF_TOPIC = "/tf"
MARKERS_TOPIC, CLOUD_TOPIC, DUE_TOPIC = "forecast_markers", "forecast_cloud", "forecast_due"
DESCRIPTION_TOPIC = "robot_description"

TOPICS = {
    **dict.fromkeys(RAW_TOPICS.values(), "sensor_msgs/msg/Imu"),
    ENCODER_TOPIC: "sensor_msgs/msg/JointState",
    **dict.fromkeys(SEGMENT_TOPICS.values(), "sensor_msgs/msg/Imu"),
    JOINT_TOPIC: "sensor_msgs/msg/JointState",
    FORECAST_TOPIC: "trajectory_msgs/msg/JointTrajectory",
    DETAIL_TOPIC: "ankle_predictor_interfaces/msg/AnkleForecast",
    DIAGNOSTICS_TOPIC: "diagnostic_msgs/msg/DiagnosticArray",
}
"""The topics that a recording has, with their message types; those for viewers follow from them."""
