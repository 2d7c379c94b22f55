"""Where values came from and what they fed, as a graph: read from the records in bulk, and nothing of it is decoded."""
