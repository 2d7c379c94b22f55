"""The import: everything in a redun database, in the order in which records name each other.

It can be stopped at any moment: what is recorded is whole, and the next import adds what is left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from redux.border import Arrival
from redux.redun.calls import take_calls
from redux.redun.handles import take_handles
from redux.redun.jobs import take_executions, take_jobs
from redux.redun.known import open_book
from redux.redun.source import Source, open_source
from redux.redun.tags import take_tags
from redux.redun.taking import UNKNOWN_MOMENT, Counts, Taking
from redux.redun.tasks import take_tasks
from redux.redun.trouble import RedunRefused
from redux.redun.value_files import NONE, NoFiles, ValueFiles, find_value_files
from redux.redun.values import take_values
from redux.repo import Repo
from redux_backends.progress import Tell, say_nothing
from redux_valuestore.frozen import frozen

_STEPS: tuple[Callable[[Taking], None], ...] = (
    take_handles,
    take_tasks,
    take_values,
    take_calls,
    take_executions,
    take_jobs,
    take_tags,
)
_IN_FILES = "SELECT count(*) FROM value WHERE length(value) = 0"


@frozen
class Redun:
    """A redun database that can be read, with its value store."""

    source: Source
    files: ValueFiles


@contextmanager
def open_redun(database: str, value_files: str | None = None) -> Iterator[Redun]:
    """The redun `database` at a path or URL, until the block ends; nothing is written to it.

    `value_files` is redun's value store, a folder or URL; by default what the `redun.ini` beside the database says.
    With "none" the values in it are taken over as gone.

    Raises `RedunRefused`, `RedunUnreadable`, `UnknownDatabase`, `MissingDriver`.
    """
    with open_source(database) as source:
        yield Redun(source, _value_files(source, database, value_files))


def import_redun(redun: Redun, repo: Repo, tell: Tell = say_nothing) -> Counts:
    """Take over the history in `redun` into `repo`, and count it; `tell` is told how far it is.

    Raises `RedunUnreadable`, and what recording raises.
    """
    with open_book() as book:
        taking = Taking(
            redun.source, repo, book, redun.files, tell, Arrival(repo.backend, redun.source.place, UNKNOWN_MOMENT)
        )
        for step in _STEPS:
            step(taking)
        return taking.counts


def _value_files(source: Source, database: str, location: str | None) -> ValueFiles:
    """Redun's value store. Raises RedunRefused where values are in one, and nobody says where it is."""
    found = find_value_files(location, database)
    if found is not None:
        return found
    ((there,),) = source.read(_IN_FILES)
    if there:
        raise RedunRefused(
            f"{there:,} values of {source.place} are in redun's value store: say where it is with --value-store, or "
            f"--value-store {NONE} to do without them"
        )
    return NoFiles()
