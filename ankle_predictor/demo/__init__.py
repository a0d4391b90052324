"""The demo: the whole chain as real nodes, watched, recorded and scored from a process of its own."""
