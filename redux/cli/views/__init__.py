"""Pages and lists of `redux log` as lines of text, by kinds of things. They ask nothing and print nothing."""
