"""A simulated person's leg and the two sensors on it, from published gait curves and the sensor's datasheet."""
