"""Recorded calls made again, to see whether they give the same."""

from redux.twice.comparing import Again, Verdict, bytes_of, check_twice, record
from redux.twice.sampling import RecordedCall, Sample, Skipped, take_sample

__all__ = [
    "Again",
    "RecordedCall",
    "Sample",
    "Skipped",
    "Verdict",
    "bytes_of",
    "check_twice",
    "record",
    "take_sample",
]
