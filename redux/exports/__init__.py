"""A lineage in the formats that others read: one format a file, each a pure function of the graph."""
