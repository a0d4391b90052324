"""Estimates the orientation of shank and foot and the present ankle angle from raw IMU samples."""
