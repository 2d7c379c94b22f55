"""The code of tasks: which of it is the user's own, what it uses, and the hash that stands for it."""
