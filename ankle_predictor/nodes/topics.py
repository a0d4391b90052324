"""The topics that the demo listens to, and their types."""

from __future__ import annotations

SHANK_RAW, FOOT_RAW = "shank/imu/data_raw", "foot/imu/data_raw"
ENCODER, ANGLE = "encoder/joint_states", "joint_states"
FORECAST, DETAIL = "forecast", "forecast_detail"
DIAGNOSTICS = "diagnostics"

TOPICS = {
    SHANK_RAW: "sensor_msgs/msg/Imu",
    FOOT_RAW: "sensor_msgs/msg/Imu",
    ENCODER: "sensor_msgs/msg/JointState",
    "shank/imu/data": "sensor_msgs/msg/Imu",
    "foot/imu/data": "sensor_msgs/msg/Imu",
    ANGLE: "sensor_msgs/msg/JointState",
    FORECAST: "trajectory_msgs/msg/JointTrajectory",
    DETAIL: "ankle_predictor_interfaces/msg/AnkleForecast",
    DIAGNOSTICS: "diagnostic_msgs/msg/DiagnosticArray",
}
