"""A row of the suite of edits, and how it is played: run, edit, run again, ask why."""

from __future__ import annotations

import importlib
import sys
import textwrap
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from redux.cli.main import dispatch
from redux.explain import group_causes
from redux.repo import Repo, open_repo
from redux.scheduler import Report, Scheduler
from redux.task import get_task_registry
from redux_backends.records import Outcome

HEADER = """\
import functools
from dataclasses import dataclass
from enum import Enum
from functools import partial

from redux import File, task

"""


@dataclass(frozen=True)
class Row:
    """An edit of a workflow, `flow.py`, and what it means.

    `runs` are the tasks of which a call runs again, each with words of its reason; `f 2` says that two do. `edit` are
    pairs of old text and new, in `flow.py` or in the one of `files` that has the old text. `call` is what is asked
    before, `then` afterwards where it is something else; `also` changes what is no text.
    """

    what: str
    text: str
    edit: Sequence[tuple[str, str]] = ()
    runs: Mapping[str, str] = field(default_factory=dict[str, str])
    call: str = "f(1)"
    then: str | None = None
    files: Mapping[str, str] = field(default_factory=dict[str, str])
    also: Callable[[Path, Repo], object] | None = None
    never: bool = False
    """whether it runs each time, so that going back runs it too"""
    cache: bool = True
    fails: bool = False
    """whether it fails at first"""
    back: bool = True
    """whether, once it is as before, what was remembered is used"""
    roots: tuple[str, ...] | None = None
    """words of each root cause of what runs, most time first or not; by default there is one, and it is the reason"""


def edit(what: str, text: str, *pairs: tuple[str, str], **more: Any) -> Row:
    """A row whose edit are these pairs."""
    return Row(what, text, pairs, **more)


def same(what: str, text: str, *pairs: tuple[str, str], **more: Any) -> Row:
    """A row after whose edit nothing runs."""
    return Row(what, text, pairs, **more)


class Stage:
    """A project in a folder in which rows are played, by this very process."""

    def __init__(self, folder: Path, printed: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._printed = printed
        self._before = list(get_task_registry())
        self._repo = open_repo(f"sqlite:///{folder}/.redux/redux.db", str(folder / "values"), 200)

    def play(self, row: Row) -> None:
        """Play a row. Raises AssertionError where it is not as the row says."""
        self._write(row)
        assert (self._ask(row.call).failure is not None) == row.fails
        for old, new in row.edit:
            self._replace(old, new)
        if row.also is not None:
            row.also(self.folder, self._repo)
        after = self._ask(row.then or row.call, use_cache=row.cache)
        self._check_runs(row, after)
        self._check_reasons(row, after)
        self._check_roots(row, after)
        fresh = self._fresh(row.then or row.call)
        assert repr(after.value) == repr(fresh.value), "a false hit: without the cache it is another value"
        again = self._ask(row.then or row.call)
        assert _ran(self._repo, again) == (_wanted(row) if row.never else Counter()), "asked once more"
        if row.back and not row.also and not row.never:
            self._write(row)
            assert not _ran(self._repo, self._ask(row.call)), "what was remembered before the edit is there"

    def _write(self, row: Row) -> None:
        for name, text in {"flow.py": HEADER + textwrap.dedent(row.text), **row.files}.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text))

    def _replace(self, old: str, new: str) -> None:
        found = [path for path in sorted(self.folder.rglob("*.py")) if old in path.read_text()]
        assert len(found) == 1, f"{old!r} is in {found or 'no file'}"
        found[0].write_text(found[0].read_text().replace(old, new))

    def _ask(self, call: str, use_cache: bool = True) -> Report:
        return self._run(Scheduler(self._repo, workers=1, folder=self.folder, use_cache=use_cache), call)

    def _fresh(self, call: str) -> Report:
        return self._run(Scheduler(workers=1, folder=self.folder), call)

    def _run(self, scheduler: Scheduler, call: str) -> Report:
        get_task_registry().replace_all(self._before)
        self.forget()
        module = importlib.import_module("flow")
        return scheduler.execute(eval(call, vars(module)))

    def forget(self) -> None:
        """Forget what was imported from the project."""
        importlib.invalidate_caches()
        for name, module in list(sys.modules.items()):
            if str(self.folder) in str(getattr(module, "__file__", None) or list(getattr(module, "__path__", ""))):
                del sys.modules[name]

    def _check_runs(self, row: Row, after: Report) -> None:
        assert after.failure is None, after.failure
        assert _ran(self._repo, after) == _wanted(row), "what ran again, and what should"

    def _check_reasons(self, row: Row, after: Report) -> None:
        for view in self._repo.backend.jobs(execution=after.execution_id):
            words = {key.split()[0]: words for key, words in row.runs.items()}.get(view.fullname)
            if view.job.outcome is Outcome.RAN and words is not None:
                said = self._explain(view.job.id.hex())
                assert words in said, f"{view.fullname} should say {words!r}:\n{said}"

    def _check_roots(self, row: Row, after: Report) -> None:
        groups = group_causes(self._repo.backend, after.execution_id)
        causes = [" ".join((group.cause.words, *(one.diff for one in group.cause.code))) for group in groups]
        wanted = row.roots if row.roots is not None else tuple(row.runs.values())[:1]
        assert len(causes) == len(wanted), f"{causes} should be the root causes {wanted}"
        for words in wanted:
            assert row.roots is None or any(words in cause for cause in causes), f"{words!r} should be in {causes}"
        counts = Counter({one.fullname: one.count for one in groups[0].affected}) if len(groups) == 1 else None
        assert counts in (None, _wanted(row)), "all that ran, ran for the root cause"

    def _explain(self, *words: str) -> str:
        self._printed.readouterr()
        assert dispatch(["explain-miss", *words]) == 0
        return " ".join(self._printed.readouterr().out.partition("\n")[2].split())

    def close(self) -> None:
        """Let go of the project."""
        self._repo.close()
        self.forget()


def _ran(repo: Repo, report: Report) -> Counter[str]:
    jobs = repo.backend.jobs(execution=report.execution_id)
    return Counter(view.fullname for view in jobs if view.job.outcome is Outcome.RAN)


def _wanted(row: Row) -> Counter[str]:
    named = [key.split() for key in row.runs]
    return Counter({name: int(times[0]) if times else 1 for name, *times in named})
