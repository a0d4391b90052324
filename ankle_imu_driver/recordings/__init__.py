"""Recordings of walks: reading logger text and rosbag2, writing rosbag2, mirroring, and playing in time."""
