"""Reads the two leg-worn IMUs: hardware, recordings and a gait simulator, all as the same raw samples."""
