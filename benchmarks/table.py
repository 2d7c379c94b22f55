"""The results as tables a person can read: a row an engine, and how much longer it takes than redux."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.limits import Results, Verdict
from benchmarks.plan import Case, Point


@dataclass(frozen=True, slots=True)
class Column:
    """A figure of a phase, scaled for the eye; `compared` adds how many times redux's it is."""

    title: str
    phase: str
    figure: str
    scale: Callable[[float, int], float]
    compared: bool = True


def _per_call(unit: float) -> Callable[[float, int], float]:
    return lambda figure, size: figure * unit / max(size, 1)


def _plain(figure: float, size: int) -> float:
    return figure


_PEAK = Column("peak MB", "cold", "peak_mb", _plain, compared=False)
_CALLS = (
    Column("cold, ms a call", "cold", "seconds", _per_call(1e3)),
    Column("warm, ms a call", "warm", "seconds", _per_call(1e3)),
    Column("bytes a call", "cold", "bytes", _per_call(1.0), compared=False),
    Column("on disk", "cold", "allocated", _per_call(1.0), compared=False),
    _PEAK,
)
_HITS = (Column("µs", "hot", "seconds", lambda figure, size: figure * 1e6),)
_ARRAYS = (
    Column("store, MB/s", "store", "seconds", lambda figure, size: size / figure, compared=False),
    Column("load, MB/s", "load", "seconds", lambda figure, size: size / figure, compared=False),
    Column("then summing it, MB/s", "load", "use_seconds", lambda figure, size: size / figure, compared=False),
    Column("read, MB/s", "load", "read_seconds", lambda figure, size: size / figure, compared=False),
    Column("store, MB beyond an empty run", "store", "extra_mb", _plain, compared=False),
    Column("load, MB beyond an empty run", "load", "extra_mb", _plain, compared=False),
)
_EDITS = tuple(
    Column(title, phase, "ran", _plain, compared=False)
    for title, phase in (
        ("first run", "cold"), ("again", "warm"),
        ("after a code change", "changed"), ("after changing back", "changed back"),
    )
)  # fmt: skip
_SHALLOW = (
    Column("asked again at the root, ms", "again", "seconds", lambda figure, size: figure * 1e3, compared=False),
    Column("an empty run, ms", "again", "empty_seconds", lambda figure, size: figure * 1e3, compared=False),
)
_OPTIONS = tuple(
    Column(f"{phase}, {title}, ms a call", phase, figure, _per_call(1e3), compared=False)
    for phase in ("cold", "warm")
    for title, figure in (("none", "plain_seconds"), ("ten options", "seconds"))
)
_STARTS = tuple(
    Column(title, phase, "seconds", lambda figure, size: figure * 1e3)
    for title, phase in (
        ("empty Python, ms", "python"), ("import, ms", "import"), ("--help, ms", "help"),
        ("run of a cached task, ms", "run"),
    )
)  # fmt: skip

COLUMNS = {
    "fan-out": _CALLS,
    "chain": _CALLS[:2],
    "hit": _HITS,
    "hit-array": _HITS,
    "array": _ARRAYS,
    "counted": _EDITS,
    "shallow": _SHALLOW,
    "options": _OPTIONS,
    "start-up": _STARTS,
}

EXPLAINED = {
    "fan-out": "Calls of `inc(i)`, summed. In brackets: how many times redux's.",
    "chain": "Each call's argument is the last one's result.",
    "hit": "One remembered call in a process that has made it before.",
    "hit-array": "The same, with a NumPy array as the argument.",
    "array": "A NumPy array as the result, the time of making it taken off. "
    "Floor: write and fsync; BLAKE3 by one thread over the mapped file.",
    "counted": "How many of the calls really ran, counted by the calls themselves.",
    "shallow": 'A finished fan-out whose root has `check_valid="shallow"`, in a fresh process.',
    "options": "A task with ten options (a limit, retries and a timeout among them) and one without, by turns.",
    "start-up": "A whole process, from its start to its end.",
}


def tables(cases: Iterable[Case], results: Results) -> str:
    """Every case as a Markdown table."""
    return "\n\n".join("\n".join(_table(case, results)) for case in cases)


def _table(case: Case, results: Results) -> Iterator[str]:
    columns = [column for column in COLUMNS[case.measure] if _is_measured(case, column, results)]
    yield f"### {case.name[0].upper()}{case.name[1:]}"
    yield f"{EXPLAINED[case.measure]}\n"
    yield _row(["", *(column.title for column in columns)])
    yield _row(["---", *("---:" for _ in columns)])
    for entry in case.entries:
        name = entry.engine if entry.size == case.entries[0].size else f"{entry.engine} ({entry.size:,})"
        yield _row([name, *(_cell(case, entry.engine, column, results) for column in columns)])


def _is_measured(case: Case, column: Column, results: Results) -> bool:
    return any(Point(case.name, e.engine, column.phase, column.figure) in results for e in case.entries)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(case: Case, engine: str, column: Column, results: Results) -> str:
    figure = results.get(Point(case.name, engine, column.phase, column.figure))
    if figure is None:
        return ""
    scaled = column.scale(figure, case.size_of(engine))
    own = results.get(Point(case.name, "redux", column.phase, column.figure))
    if not column.compared or engine == "redux" or own is None:
        return _number(scaled)
    return f"{_number(scaled)} ({_number(scaled / column.scale(own, case.size_of('redux')))} ×)"


def _number(figure: float) -> str:
    return f"{figure:,.0f}" if abs(figure) >= 100 or figure == int(figure) else f"{figure:.3g}"


def limit_table(verdicts: Iterable[Verdict]) -> str:
    """The limits, what was measured, and whether each is kept."""
    rows = [_row(["limit", "measured", "at most", ""]), _row(["---", "---:", "---:", "---"])]
    for verdict in verdicts:
        ratio = "" if verdict.ratio is None else f"{verdict.ratio:,.3g}"
        word = "not measured" if verdict.ratio is None else "kept" if verdict.kept else "**over**"
        rows.append(_row([verdict.limit.text, ratio, f"{verdict.limit.bound:,.3g}", word]))
    return "\n".join(rows)
