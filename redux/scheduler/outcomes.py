"""What an outcome, a hit or a loss means for the data of a job."""

from __future__ import annotations

from redux.executors.executor import Outcome
from redux.scheduler.jobs import ABSENT, Datum, Job
from redux.value import hash_value
from redux_backends.records import Place, StoredValue, Traits

_PLAIN = Traits.PLAIN


def read_what_was_asked(job: Job) -> bool:
    """Whether the Files among a job's arguments still are what its evaluation says it was given.

    One that changed before the job read it would give a wrong answer to whoever asks with the old content.
    """
    for _, datum in job.arguments:
        if datum.traits is not _PLAIN and datum.traits & Traits.FILES and hash_value(datum.value) != datum.hash:
            return False
    return True


def datum_of_outcome(job: Job, outcome: Outcome) -> Datum:
    """The datum of a job that ran to its end."""
    encoded = outcome.encoded
    assert encoded is not None
    stored = None
    if outcome.records:
        kept = outcome.records[-1]  # parts come first
        place = Place.STORE if kept.data is None else Place.INLINE
        stored = StoredValue(kept.hash, kept.data, place, kept.traits)
    value = ABSENT if outcome.absent else outcome.value
    return Datum(encoded.hash, encoded.traits, value, stored=stored, origin=job)


def release(datum: Datum) -> None:
    """Let go of a large value once its last known user has it: the store has it too."""
    if datum.origin is None:
        return
    datum.users -= 1
    if datum.users <= 0 and datum.stored is not None and datum.stored.place is Place.STORE:
        datum.value = ABSENT
