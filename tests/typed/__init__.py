"""What a type checker makes of the public names: `make types` reads these files, one for each room; few are run."""
