"""Tasks as the language declares them: their options, how arguments are bound, and where they are found by name."""
