"""What is said of recorded things, in words: moments and sizes, jobs and calls, reasons."""
