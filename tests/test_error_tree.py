"""No class of errors without a text that people have read: each is in a golden file, or is named here with a reason."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator

import redux
import redux_backends
import redux_valuestore
from redux_valuestore.errors import ReduxError

from .error_texts import GOLDEN

ELSEWHERE = {
    "ArchiveError": "the root of the errors of archives",
    "SharedError": "the root of the errors of what is in a shared cache",
    "BackendError": "the root of the database's errors; as itself, a fault of the records: test_sqlite.py",
    "BackendUnavailable": "test_sqlite.py, test_failures.py: a full or read-only disk",
    "AmbiguousId": "test_backends.py: two ids that begin alike cannot be made on purpose",
    "StoreError": "the root of the store's errors; as itself, what an operating system says: test_failures.py",
    "ValueMissing": "test_valuestore.py; a run makes such a value anew",
    "ValueOutOfReach": "test_valuestore.py, test_shared_outages.py; likewise",
}
"""Errors that another room has texts of."""

SAID_BY_COMMANDS = {
    "UsageError": "run flow.py mian",
    "WorkflowImportError": "broken.py could not be imported",
    "DatabaseMissing": "there is no database",
    "UnknownDatabase": "no database is known at URLs",
    "MissingDriver": "needs psycopg, which is not installed",
    "BackendCorrupt": "is damaged",
    "UnknownId": "starts no id",
    "UnknownTag": "has no tag",
    "NotCopied": "could not be copied to",
    "ArchiveMissing": "there is no such file",
}
"""Errors that people see as a line of the command line, by words that are only theirs."""


def all_errors() -> Iterator[type[ReduxError]]:
    """Every class of errors, of every module that there is."""
    for package in (redux, redux_backends, redux_valuestore):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.endswith("__main__"):
                importlib.import_module(found.name)
    waiting: list[type[ReduxError]] = [ReduxError]
    while waiting:
        kind = waiting.pop()
        for derived in kind.__subclasses__():
            if derived.__module__.startswith(("redux.", "redux_")):
                waiting.append(derived)
                yield derived


def test_every_class_of_errors_has_a_text_in_a_golden_file():
    golden = "".join(path.read_text() for path in sorted(GOLDEN.glob("*.txt")))
    shown = set(re.findall(r"^    (\w+): ", golden, re.MULTILINE))
    shown |= {name for name, words in SAID_BY_COMMANDS.items() if words in golden}
    names = {kind.__name__ for kind in all_errors()}
    assert names - shown - ELSEWHERE.keys() == set(), "write an attempt that ends in them"
    assert ELSEWHERE.keys() & shown == set(), "these have a golden text by now"
    assert ELSEWHERE.keys() <= names, "these are gone"


def test_every_golden_file_belongs_to_a_test():
    tests = "".join(path.read_text() for path in GOLDEN.parent.glob("test_*.py"))
    assert [path.stem for path in GOLDEN.glob("*.txt") if f'"{path.stem}"' not in tests] == []
