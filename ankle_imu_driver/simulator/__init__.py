"""The gait simulator: a person's leg and its two sensors, from published gait curves and the sensor's datasheet."""
