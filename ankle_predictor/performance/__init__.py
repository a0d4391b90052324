"""The command ``benchmark``: latency, throughput and memory, each next to its baseline in the same run."""
