"""Training of base weights. Only this package and ``adaptation`` import TensorFlow."""
