"""Records by their key: which call gave which result, in which job."""
