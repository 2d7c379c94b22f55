"""One module for each version of the tables: how it is made of the one before, and undone.

A revision stands by itself: it says its tables in its own words, for those of today's schema will change. What a column
holds never changes under its name, so that a process which still reads the old tables reads nothing wrong; rows keep
their numbers, which processes remember.
"""
