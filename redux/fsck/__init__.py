"""Whether records and bytes are sound, and how what is not is mended."""
