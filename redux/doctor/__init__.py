"""Whether the surroundings of redux are as it needs them: libraries, disk, clock, settings, database, store."""
