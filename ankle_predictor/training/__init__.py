"""Training of base weights; the only place that imports tensorflow."""
