"""Bytes by their hash: the lowest floor of redux, usable alone."""
