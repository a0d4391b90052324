"""The ROS nodes: parameters, messages, services and the action around the logic of the other sub-packages."""
