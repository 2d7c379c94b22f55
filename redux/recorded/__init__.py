"""Records read from outside a run: those of the project around a folder, and texts in values and tags."""
