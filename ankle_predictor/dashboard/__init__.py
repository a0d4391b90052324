"""The web page for whoever straps the sensors on: shows a leg or two, and calibrates, adapts, swaps and records."""
