"""The shared cache: what is in the bucket, and what of it is taken and sent."""
