"""Promise: whatever is said lazily comes to what plain Python makes of it: the same value, or the same error.

Only what Python would call runs, each call once, and where nothing failed the next run calls nothing.
"""

from __future__ import annotations

import os
import tempfile
from typing import Any

from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from redux.repo import Repo, open_repo
from redux.scheduler import Report, Scheduler
from redux_backends.memory import MemoryBackend
from redux_valuestore.store import MemoryStore

from .language import CAUGHT, ERRORS, LOGICAL, MAPPED, OPERATORS, UNARY, Say, lazily, perform, ran
from .plain_python import Came, Plain, Raised, Undecided

MORE = int(os.environ.get("MORE_EXAMPLES", "1"))
"""How many times as many programs: for a long look by hand."""

DEPTH = 5
Draw = Any


class _Author:
    """Draws a program; what it has said before it may say again, as the very same expression."""

    def __init__(self, draw: Draw) -> None:
        self._draw = draw
        self._said: dict[str, list[Say]] = {"number": [], "list": [], "any": []}

    def pick(self, choices: Any) -> Any:
        return self._draw(st.sampled_from(list(choices)))

    def number(self, depth: int) -> Say:
        return self._one_of("number", depth, NUMBERS)

    def list(self, depth: int) -> Say:
        return self._one_of("list", depth, LISTS)

    def any(self, depth: int) -> Say:
        return self._one_of("any", depth, ANYTHING)

    def _one_of(self, kind: str, depth: int, writers: Any) -> Say:
        said = self._said[kind]
        if said and self._draw(st.integers(0, 5)) == 0:
            return self.pick(said)
        if depth <= 0 or (depth < DEPTH - 1 and self._draw(st.integers(0, 4)) == 0):
            node = self._leaf(kind)
        else:
            node = self.pick(writers)(self, depth - 1)
        said.append(node)
        return node

    def _leaf(self, kind: str) -> Say:
        if self._draw(st.integers(0, 15)) == 0:
            return _fails(self)
        if kind == "number":
            return Say("value", (), self._draw(st.integers(-3, 6)))
        return Say("value", (), self.pick(([], [1, 2], [4, 0, 2], [[2], [3, 4]])))

    def several(self, write: Any, depth: int, most: int = 3) -> tuple[Say, ...]:
        return tuple(write(depth) for _ in range(self._draw(st.integers(0, most))))

    def shaky(self, depth: int) -> Say:
        """A number that often fails, for what has to do with several failures."""
        return _fails(self) if self._draw(st.integers(0, 2)) == 0 else self.number(depth)

    def handlers(self) -> tuple[str, ...]:
        pairs = self._draw(st.integers(1, 2))
        return tuple(self.pick(names) for _ in range(pairs) for names in (MOSTLY_CAUGHT, RECOVERS))


MOSTLY_CAUGHT = (*CAUGHT, "Exception", "any", "any")
RECOVERS = ("blame", "again", "shorten", "same", "nothing")

NUMBERS = [
    lambda a, d: Say("value", (), a._draw(st.integers(-3, 6))),
    lambda a, d: Say("call", (a.number(d), a.number(d)), "add"),
    lambda a, d: Say("call", (a.list(d),), "total"),
    lambda a, d: Say("call", (a.number(d),), "picky"),
    *[lambda a, d: Say("binary", (a.number(d), a.number(d)), a.pick(OPERATORS))] * 3,
    lambda a, d: Say("unary", (a.number(d),), a.pick(UNARY)),
    lambda a, d: Say("logical", (a.number(d), a.list(d) if d % 2 else a.number(d)), a.pick(LOGICAL)),
    lambda a, d: Say("index", (a.list(d), a.number(d))),
    lambda a, d: Say("attribute", (a.any(d), a.number(d))),
    lambda a, d: Say("method", (a.list(d), a.number(d))),
    lambda a, d: Say("apply", (a.list(d),), a.pick(("max", "len", "sum", "first"))),
    lambda a, d: Say("as_task", (a.number(d),), a.pick(("abs", "isqrt"))),
    lambda a, d: Say("compose", (a.number(d),), a.pick([("add",), ("picky", "add"), ("add", "same", "add")])),
    lambda a, d: a.shaky(d),
]
LISTS = [
    lambda a, d: Say("list", a.several(a.number, d)),
    lambda a, d: Say("list", a.several(a.number, d, 5)),
    lambda a, d: Say("call", (a.number(d),), "count"),
    lambda a, d: Say("slice", (a.list(d), a.number(d), a.number(d)), a.pick((None, 1, 2, -1))),
    lambda a, d: Say("map", (a.list(d),), a.pick(MAPPED)),
    lambda a, d: Say("flat_map", (a.list(d),), a.pick(("count", "count", "add"))),
    lambda a, d: Say("flatten", a.several(a.list, d)),
    lambda a, d: Say("zip", a.several(a.list, d)),
    lambda a, d: Say("starmap", (a.number(d), a.number(d))),
    *[lambda a, d: Say("seq", a.several(a.shaky, d))] * 2,
    lambda a, d: Say("catch_all", a.several(a.shaky, d), a.pick((None, *CAUGHT))),
    lambda a, d: Say("unpacked", (a.number(d), a.number(d))),
    lambda a, d: Say("apply", (a.list(d),), a.pick(("sorted", "list"))),
    lambda a, d: Say("binary", (a.list(d), a.list(d)), "add"),
]
ANYTHING = [
    lambda a, d: a.number(d),
    lambda a, d: a.list(d),
    lambda a, d: Say("tuple", a.several(a.any, d)),
    lambda a, d: Say("dict", a.several(a.any, d)),
    lambda a, d: Say("keyed", (a.number(d),), "held"),
    lambda a, d: Say("box", (a.any(d),)),
    lambda a, d: Say("pair", (a.any(d), a.any(d))),
    lambda a, d: Say("call", (a.any(d),), "same"),
]
for writers, write in ((NUMBERS, _Author.number), (LISTS, _Author.list), (ANYTHING, _Author.any)):
    writers += [
        lambda a, d, w=write: Say("cond", (a.number(d), *(w(a, d) for _ in range(a.pick((1, 2, 3, 4)))))),
        *[lambda a, d, w=write: Say("catch", (w(a, d),), a.handlers())] * 3,
        lambda a, d, w=write: Say("identity", (w(a, d),)),
        lambda a, d, w=write: Say("const", (w(a, d), a.any(d))),
        lambda a, d, w=write: Say("forced", (w(a, d),), a.pick(("delay", "quote", "held"))),
        lambda a, d, w=write: Say("perform", (), w(a, d)),
    ]


def _fails(author: _Author) -> Say:
    error = author.pick(ERRORS)
    if author._draw(st.booleans()):
        return Say("throw", (author.number(0),), error)
    return Say("fail", (), (error, author.pick(("one", "other"))))


@st.composite
def _programs(draw: Draw) -> Say:
    author = _Author(draw)
    if draw(st.booleans()):
        return author.pick((author.number, author.list, author.any, author.any))(DEPTH)
    several = [author.pick((author.number, author.list, author.any))(DEPTH - 1) for _ in range(4)]
    return Say("list", tuple(Say("catch", (one,), ("any", author.pick(RECOVERS))) for one in several))


programs = _programs()


def _outcome(report: Report) -> str:
    return repr(Came(report.result) if report.failure is None else Raised(report.failure.error))


def _agree(program: Say, repo: Repo, executor: str, whole: bool) -> None:
    plain = Plain()
    try:
        possible = {repr(outcome) for outcome in plain.of(program)}
    except Undecided:
        assume(False)
    for cached, first in ((True, True), (True, False), (False, True)):
        ran.clear()
        expression = perform(program) if whole else lazily(program)
        report = Scheduler(repo, executor=executor, workers=2, use_cache=cached).execute(expression)
        assert _outcome(report) in possible
        calls = plain.calls | {("perform", repr((program,)))} if whole else plain.calls
        assert set(ran) <= calls, "nothing runs that Python would not call"
        if not plain.failed and executor != "processes":  # what runs elsewhere isn't counted here
            assert sorted(ran) == (sorted(calls) if first else []), "each call runs once, and never again"
        if not plain.failed and not first:
            assert not any(count.done for count in report.counts.values())


SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


@settings(max_examples=240 * MORE, deadline=None, suppress_health_check=SLOW)
@given(programs, st.sampled_from(("threads", "inline")), st.booleans())
def test_a_program_comes_to_what_plain_python_makes_of_it(program: Say, executor: str, whole: bool):
    _agree(program, Repo(MemoryBackend(), MemoryStore()), executor, whole)


@settings(max_examples=20 * MORE, deadline=None, suppress_health_check=SLOW)
@given(programs, st.booleans())
def test_the_same_holds_on_sqlite(program: Say, whole: bool):
    with tempfile.TemporaryDirectory() as folder:
        repo = open_repo(f"sqlite:///{folder}/redux.db", f"{folder}/values", 64)
        _agree(program, repo, "threads", whole)
        repo.close()


@settings(max_examples=4 * MORE, deadline=None, suppress_health_check=SLOW, phases=(Phase.reuse, Phase.generate))
@given(programs)
def test_the_same_holds_in_worker_processes(program: Say):
    _agree(program, Repo(MemoryBackend(), MemoryStore()), "processes", True)
