"""What redun remembered becomes history here: its tables are read, its values kept as they are, none of its code run."""
