"""Control flow between tasks: evaluation rules, one idea a file."""
