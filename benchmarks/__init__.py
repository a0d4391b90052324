"""What the figures in the docs are measured with."""
