"""What a run would do: why, and how long it would take."""
