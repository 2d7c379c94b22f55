"""What every engine is asked, timed in one way: one measurement a process, one line of JSON."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

Figures = dict[str, float]
Measure = Callable[[Path, int], Figures]

MEGABYTE = 1_000_000
HIT_SECONDS = 2.0
HIT_CALLS = 200


class Engine(Protocol):
    """A cache, doing the work in its own way."""

    def touch(self) -> None:
        """A trivial run, so that what follows does not pay for the start."""
        ...

    def fan_out(self, n: int) -> int:
        """The sum of `inc(i)` for i below n, each call remembered."""
        ...

    def chain(self, n: int) -> int:
        """`inc(inc(… inc(0)))`, n calls deep, each remembered."""
        ...

    def small_call(self, i: int) -> int: ...

    def array_call(self, array: Any) -> float:
        """One remembered call with a NumPy array as its argument."""
        ...

    def big_result(self, megabytes: int) -> Any:
        """One remembered call whose result is a NumPy array: `build_array(megabytes)`."""
        ...

    def counted(self, n: int) -> int:
        """n remembered calls, each of which calls `leave_mark` when it really runs."""
        ...


Opener = Callable[[Path], AbstractContextManager[Engine]]


def main(measures: Mapping[str, Measure]) -> None:
    """Take one measurement, as the command line says: name, size, folder of the store."""
    name, size, folder = sys.argv[1:]
    print(json.dumps(measures[name](Path(folder), int(size))))


def measures_of(opener: Opener) -> dict[str, Measure]:
    """The measurements that every engine can take."""
    return {
        "fan-out": lambda folder, n: _timed(opener, folder, lambda engine: engine.fan_out(n), n * (n + 1) // 2),
        "chain": lambda folder, n: _timed(opener, folder, lambda engine: engine.chain(n), n),
        "hit": lambda folder, _: _hit(opener, folder, lambda engine: engine.small_call(7)),
        "hit-array": lambda folder, size: _hit_array(opener, folder, size),
        "array": lambda folder, megabytes: _array(opener, folder, megabytes),
        "counted": lambda folder, n: _counted(opener, folder, n),
    }


def _timed(opener: Opener, folder: Path, work: Callable[[Engine], int], expected: int) -> Figures:
    with opener(folder) as engine:
        engine.touch()
        began = time.perf_counter()
        result = work(engine)
        seconds = time.perf_counter() - began
    assert result == expected, (result, expected)
    return {"seconds": seconds, "peak_mb": peak_megabytes()}


def _hit(opener: Opener, folder: Path, call: Callable[[Engine], float]) -> Figures:
    with opener(folder) as engine:
        first = call(engine)
        return {"seconds": _median_of_hits(lambda: call(engine), first)}


def _hit_array(opener: Opener, folder: Path, size: int) -> Figures:
    import numpy as np

    array = np.arange(size // 8, dtype=np.float64)
    return _hit(opener, folder, lambda engine: engine.array_call(array))


def _median_of_hits(call: Callable[[], float], expected: float) -> float:
    call()
    taken: list[float] = []
    while len(taken) < HIT_CALLS and (sum(taken) < HIT_SECONDS or len(taken) < 5):
        began = time.perf_counter()
        result = call()
        taken.append(time.perf_counter() - began)
        assert result == expected
    return sorted(taken)[len(taken) // 2]


def _array(opener: Opener, folder: Path, megabytes: int) -> Figures:
    import numpy as np

    np.zeros(1)  # who works with arrays has NumPy imported: that is start-up, not loading
    marks = folder / "marks"
    with opener(folder) as engine:
        engine.touch()
        before = peak_megabytes()
        began = time.perf_counter()
        array = engine.big_result(megabytes)
        seconds = time.perf_counter() - began
        peak = peak_megabytes()
        began = time.perf_counter()
        assert float(array.sum()) == _sum_of_array(megabytes)
        used = time.perf_counter() - began
    ran = _take_marks(marks)
    body = _seconds_of_building(megabytes) if ran else 0.0
    return {
        "seconds": seconds - body,
        "use_seconds": used,
        "extra_mb": peak - before,
        "peak_mb": peak,
        "ran": ran,
    }


def build_array(megabytes: int, folder: str) -> Any:
    """The array of the big result; leaves a mark in the folder's file of marks."""
    import numpy as np

    leave_mark(folder)
    return np.arange(megabytes * MEGABYTE // 8, dtype=np.float64)


def _sum_of_array(megabytes: int) -> float:
    import numpy as np

    return float(np.arange(megabytes * MEGABYTE // 8, dtype=np.float64).sum())


def _seconds_of_building(megabytes: int) -> float:
    """What the task itself takes, which is no engine's cost."""
    import numpy as np

    taken: list[float] = []
    for _ in range(3):
        began = time.perf_counter()
        array = np.arange(megabytes * MEGABYTE // 8, dtype=np.float64)
        taken.append(time.perf_counter() - began)
        del array
    return sorted(taken)[1]


def _counted(opener: Opener, folder: Path, n: int) -> Figures:
    with opener(folder) as engine:
        engine.touch()
        began = time.perf_counter()
        engine.counted(n)
        seconds = time.perf_counter() - began
    return {"seconds": seconds, "ran": _take_marks(folder / "marks")}


def leave_mark(folder: str) -> None:
    """One byte more in the file of marks: a call really ran."""
    with open(f"{folder}/marks", "ab") as file:
        file.write(b".")


def _take_marks(path: Path) -> int:
    count = path.stat().st_size if path.exists() else 0
    path.unlink(missing_ok=True)
    return count


def peak_megabytes() -> float:
    """The most memory this process has held so far."""
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) * 1024 / MEGABYTE
    except (OSError, IndexError):
        import resource

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most / MEGABYTE if sys.platform == "darwin" else most * 1024 / MEGABYTE
