"""What `script` is made of: a command, the places of its files, the program it becomes, and what that says."""
