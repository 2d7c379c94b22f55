"""Edits of small workflows: what runs again, why, and for what root cause."""
