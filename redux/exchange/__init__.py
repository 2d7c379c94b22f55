"""Records and bytes between repositories, at once or by way of a file: what is missing there, and nothing else."""
