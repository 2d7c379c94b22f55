"""The command line: the only place that reads the environment, writes to standard output and sets exit codes."""
