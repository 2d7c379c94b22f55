"""Redun's history becomes history here: its tables are read, its values kept as they are, and no code of theirs run."""
