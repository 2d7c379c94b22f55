"""Records and bytes between two repositories: what is missing there, and nothing else."""
