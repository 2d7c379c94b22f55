"""Redux beside other caches and beside the bare machine, on the same work."""
