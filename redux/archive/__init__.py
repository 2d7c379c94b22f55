"""A history, or a part of one, as one file: saved, checked, looked at and loaded."""
