"""What several test files build on: nodes on a bench, small bundles, synthetic logs, emulated sensors."""
