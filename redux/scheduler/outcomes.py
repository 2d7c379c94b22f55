"""What an outcome, a hit or a loss means for the data of a job."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from redux.ahead import Answer, Glance, answered, any_urls, remote_texts
from redux.executors.executor import Outcome
from redux.scheduler.jobs import ABSENT, Datum, Job
from redux.value import hash_value
from redux_backends.records import Place, StoredValue, Traits
from redux_valuestore.errors import ReduxError

_PLAIN = Traits.PLAIN


def ask_what_was_read(jobs: Iterable[Job]) -> Mapping[str, Answer]:
    """What the Files at URLs among the arguments of these jobs are now, by the texts of their facts."""
    if not any_urls():
        return {}
    glance = Glance()
    glance.ask_ahead(remote_texts([datum.value for job in jobs for datum in _data_with_files(job)]))
    return glance.answers


def read_what_was_asked(job: Job, answers: Mapping[str, Answer]) -> bool:
    """Whether the Files among a job's arguments still are what its evaluation says it was given.

    One that changed before the job read it would give a wrong answer to whoever asks with the old content.
    """
    data = _data_with_files(job)
    if not data:
        return True
    try:
        with answered(answers):
            return all(hash_value(datum.value) == datum.hash for datum in data)
    except (OSError, ReduxError):  # what cannot be looked at any more is not what it was
        return False


def _data_with_files(job: Job) -> list[Datum]:
    return [datum for _, datum in job.arguments if datum.traits is not _PLAIN and datum.traits & Traits.FILES]


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
