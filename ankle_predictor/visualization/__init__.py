"""What viewers draw, as plain numbers: the pose of the leg, the toe's path ahead, and forecasts at their due time."""
