"""A small workflow with a bit of everything, and a process whose children run it and die where they are told to.

`python -m tests.reference` reads a line of JSON for each run (`url`, `folder`, `death`) and answers with one: how the
child ended, what came out, and how many steps there were. A step is a commit that is about to be made, one that was
made, or a call of the value store's disk; the child is dead at step number `death`.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from redux import File, Handle, task
from redux.functools import apply_tags, catch
from redux.repo import Repo, open_repo
from redux.scheduler import Scheduler, recorder
from redux_backends.session import Session
from redux_backends.sql import SqlBackend
from redux_valuestore.disk import Disk
from redux_valuestore.local import LocalStore

redux_namespace = "reference"

INLINE_LIMIT = 256
RAIN = "rain.txt"


class Shelf(Handle):
    """Texts in a folder, by their names."""

    def __init__(self, name: str, path: str) -> None:
        self.path = Path(path)


@task
def read(file: File) -> list[str]:
    return file.read("r").split()


@task
def stretch(word: str) -> str:
    return word * (200 if len(word) > 4 else 2)


@task
def fail(word: str) -> str:
    raise ValueError(f"no {word}")


@task
def explain(error: ValueError) -> str:
    return f"{error}, so none"


@task(tags={"kind": "text"})
def write(path: str, lines: list[str]) -> File:
    file = File(path)
    file.write("\n".join(lines))
    return file


@task
def put(shelf: Any, name: str, text: str) -> Any:
    shelf.path.mkdir(exist_ok=True)
    (shelf.path / name).write_text(text)
    return shelf


@task
def names(shelf: Any) -> list[str]:
    return sorted(each.name for each in shelf.path.iterdir())


@task
def chapter(word: str) -> object:
    return [stretch(word), stretch(word + "!"), catch(fail(word), ValueError, explain)]


@task
def reference(file: File) -> object:
    words = read(file)
    shelf = put(put(Shelf("shelf", "shelf"), "one", words[0]), "two", words[1])
    return {
        "chapters": [chapter("drip"), apply_tags(chapter("shower"), job_tags={"loud": True})],
        "copy": read(write("copy.txt", words)),
        "shelf": names(shelf),
    }


def open_reference(url: str, folder: Path) -> Repo:
    """The repository at a database URL, with the store in a folder."""
    return open_repo(url, str(folder / "values"), INLINE_LIMIT)


# -- death -----------------------------------------------------------------------------------------


class MortalDisk(Disk):
    """The local file system, with a step before each call; a write that is the last step is halfway done."""

    def __init__(self, step: Callable[[Callable[[], object]], None]) -> None:
        self._step = step

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name.startswith("_") or not callable(found):
            return found

        def stepping(*given: Any) -> object:
            self._step(lambda: name == "write" and found(given[0], [b"half of it"]))
            return found(*given)

        return stepping


def make_mortal(repo: Repo, death: int | None) -> Callable[[], int]:
    """Let the process be killed at a step of what the repository does; gives how many there were."""
    numbers, reached = count(), [0]

    def step(before: Callable[[], object] = lambda: None) -> None:
        reached[0] = at = next(numbers)
        if at == death:
            before()
            os.kill(os.getpid(), signal.SIGKILL)

    assert isinstance(repo.backend, SqlBackend)
    database: Any = repo.backend._database
    run_tx = database.run_tx

    def mortal_tx(closure: Callable[[Session], object]) -> object:
        def written(session: Session) -> object:
            result = closure(session)
            step()
            return result

        result = run_tx(written)
        step()
        return result

    database.run_tx = mortal_tx
    assert isinstance(repo.store, LocalStore)
    repo.store._disk = MortalDisk(step)
    return lambda: reached[0] + 1


def run(url: str, folder: Path, death: int | None) -> dict[str, object]:
    """What came out of the workflow in a folder, and the number of steps."""
    os.chdir(folder)
    # Every call is a group, and so a transaction, of its own.
    recorder.GROUP_SIZE = 1
    repo = open_reference(url, folder)
    steps = make_mortal(repo, death)
    report = Scheduler(repo, workers=2).execute(reference(File(RAIN)))
    trouble = report.storage_trouble
    said = {"answer": repr(report.value), "trouble": trouble and str(trouble), "steps": steps()}
    repo.close()
    return said


def _answer(order: dict[str, Any]) -> dict[str, object]:
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        with os.fdopen(writing, "w") as pipe:
            json.dump(run(order["url"], Path(order["folder"]), order["death"]), pipe)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    return {"code": os.waitstatus_to_exitcode(status), **json.loads(said or "{}")}


if __name__ == "__main__":
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_answer(json.loads(line))) + "\n")
        sys.stdout.flush()
