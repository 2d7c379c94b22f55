"""HTML that does nothing: written so that text stays text, and small pieces of it for notebooks."""
