"""Recordings of walks: the logger's text and rosbag2, read and written, mirrored, and played in time."""
