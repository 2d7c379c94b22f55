"""Recorded calls made again, to see whether they give the same."""

from redux.twice.comparing import Again, Verdict, check_twice, record
from redux.twice.looking import look_inside
from redux.twice.sampling import RecordedCall, Sample, Skipped, take_sample

__all__ = [
    "Again",
    "RecordedCall",
    "Sample",
    "Skipped",
    "Verdict",
    "check_twice",
    "look_inside",
    "record",
    "take_sample",
]
