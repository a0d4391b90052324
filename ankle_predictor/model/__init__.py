"""A model: its bundle on disk, its input features, its network at run time, its forecast."""
