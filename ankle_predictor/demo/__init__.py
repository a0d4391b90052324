"""The command ``demo``: runs all nodes as a child process, and watches, records and scores them."""
