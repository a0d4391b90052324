"""Measures the figures in the docs."""
