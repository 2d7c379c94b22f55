"""The limits redux keeps: ratios of figures taken side by side. They fail `make bench-check`, never the tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from benchmarks.plan import Point

Results = Mapping[Point, float]


@dataclass(frozen=True, slots=True)
class Limit:
    """`over` divided by `under` (or by `unit`) is at most `bound`."""

    text: str
    over: Point
    bound: float
    under: Point | None = None
    unit: float = 1.0


def _redux(case: str, phase: str, figure: str = "seconds") -> Point:
    return Point(case, "redux", phase, figure)


def _fan_out_limits() -> Iterator[Limit]:
    ten = "fan-out 10,000"
    for phase, bound in (("cold", 0.5), ("warm", 0.9)):
        yield Limit(f"10,000 {phase}, against diskcache", _redux(ten, phase), bound, Point(ten, "diskcache", phase))
    for phase in ("cold", "warm"):
        redun = Point("fan-out 1,000", "redun", phase)
        yield Limit(f"1,000 {phase}, against redun (1/150)", _redux("fan-out 1,000", phase), 1 / 150, redun)
    shallow = _redux("shallow 10,000", "again")
    yield Limit(
        "10,000 asked at the root, against an empty run",
        shallow,
        1.3,
        _redux("shallow 10,000", "again", "empty_seconds"),
    )
    for phase in ("cold", "warm"):
        plain = _redux("options 10,000", phase, "plain_seconds")
        yield Limit(f"ten options {phase}, against none", _redux("options 10,000", phase), 1.05, plain)
    yield Limit("bytes of database per task", _redux(ten, "cold", "database_bytes"), 1000, unit=10_000)
    hundred = "fan-out 100,000"
    for phase in ("cold", "warm"):
        yield Limit(f"MB of memory at 100,000 {phase}", _redux(hundred, phase, "peak_mb"), 500)
        small = _redux("fan-out 1,000", phase)
        yield Limit(f"{phase}, 100 × the tasks against 1,000", _redux(hundred, phase), 1.3 * 100, small)


def _array_limits() -> Iterator[Limit]:
    case = "array 200 MB"
    yield Limit("storing 200 MB, against joblib", _redux(case, "store"), 1.0, Point(case, "joblib", "store"))
    yield Limit(
        "storing 200 MB, against write + fsync (1/0.6)", _redux(case, "store"), 1 / 0.6, Point(case, "floor", "store")
    )
    yield Limit("loading 200 MB, against its hash (1/0.6)", _redux(case, "load"), 1 / 0.6, Point(case, "floor", "load"))
    for phase in ("store", "load"):
        yield Limit(f"memory to {phase} an array, against its size", _redux(case, phase, "extra_mb"), 1.3, unit=200)


def _start_limits() -> Iterator[Limit]:
    python = _redux("start-up", "python")
    yield Limit("`redux --help`, against an empty Python", _redux("start-up", "help"), 6, python)
    yield Limit("`redux run` of a cached task, against an empty Python", _redux("start-up", "run"), 30, python)


LIMITS = (*_fan_out_limits(), *_array_limits(), *_start_limits())


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a limit stands; `ratio` is None where nothing was measured."""

    limit: Limit
    ratio: float | None

    @property
    def kept(self) -> bool:
        return self.ratio is None or self.ratio <= self.limit.bound


def points_of(limits: Iterable[Limit]) -> set[Point]:
    """The figures that limits need."""
    return {point for limit in limits for point in (limit.over, limit.under) if point is not None}


def judge(limits: Iterable[Limit], results: Results, show: Callable[[str], None]) -> tuple[Verdict, ...]:
    """Every limit against the results; each that was measured is shown as a line."""
    verdicts = tuple(Verdict(limit, _ratio(limit, results)) for limit in limits)
    for verdict in verdicts:
        if verdict.ratio is not None:
            word = "kept" if verdict.kept else "OVER"
            show(f"{word} {verdict.limit.text}: {verdict.ratio:.4g} of {verdict.limit.bound:.4g}")
    return verdicts


def _ratio(limit: Limit, results: Results) -> float | None:
    over = results.get(limit.over)
    under = limit.unit if limit.under is None else results.get(limit.under)
    return None if over is None or under is None else over / under
