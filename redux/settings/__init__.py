"""Settings: what one source says, where sources are, and the `.redux` folder they and the records are in."""
