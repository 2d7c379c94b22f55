"""State outside the program: files, folders and patterns, on the local disk or at any URL that fsspec knows."""
