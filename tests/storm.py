"""A workflow for rough weather, and a driver that runs it: `python -m tests.storm FOLDER FIRST COUNT`."""

from __future__ import annotations

import sys
from pathlib import Path

from redux.repo import Repo, open_repo
from redux.scheduler import Report, Scheduler
from redux.task import task
from redux_valuestore.digest import digest_bytes

redux_namespace = "storm"

INLINE_LIMIT = 256


@task
def number(i: int) -> int:
    return i * i


@task
def text(i: int) -> str:
    return f"{i:04d}" * (200 if i % 3 else 2)


@task
def pair(left: int, right: str) -> tuple[int, str]:
    return left, right


@task
def digest(parts: list[tuple[int, str]]) -> str:
    return digest_bytes(repr(parts).encode()).hex()


@task
def block(first: int, count: int) -> object:
    pairs = [pair(number(i), text(i)) for i in range(first, first + count)]
    return {"pairs": pairs, "texts": [text(i) for i in range(first, first + count)], "digest": digest(pairs)}


@task
def weather(first: int, count: int) -> object:
    return [block(start, 10) for start in range(first, first + count, 10)]


def expected(first: int, count: int) -> list[dict[str, object]]:
    """What `weather` answers, without redux."""
    blocks: list[dict[str, object]] = []
    for start in range(first, first + count, 10):
        pairs = [(i * i, f"{i:04d}" * (200 if i % 3 else 2)) for i in range(start, start + 10)]
        texts = [right for _, right in pairs]
        blocks.append({"pairs": pairs, "texts": texts, "digest": digest_bytes(repr(pairs).encode()).hex()})
    return blocks


def open_storm(folder: Path) -> Repo:
    """The repository in a folder; most values are in its store, the others in its database."""
    return open_repo(f"sqlite:///{folder / 'redux.db'}", str(folder / "values"), INLINE_LIMIT)


def run(folder: Path, first: int, count: int) -> Report:
    """Run the workflow on the repository in a folder."""
    repo = open_storm(folder)
    try:
        return Scheduler(repo, workers=2).execute(weather(first, count))
    finally:
        repo.close()


if __name__ == "__main__":
    open_storm(Path(sys.argv[1])).close()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    report = run(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
    if report.storage_trouble is not None:
        sys.exit(report.storage_trouble)
    if report.value != expected(int(sys.argv[2]), int(sys.argv[3])):
        sys.exit("a wrong answer")
