"""A model: its bundle on disk, its features, its network as it runs, its forecast."""
