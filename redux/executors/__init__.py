"""Where jobs run: threads, or processes."""
