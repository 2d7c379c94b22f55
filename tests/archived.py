"""A history with something of everything, for the tests of archives: run in-process, on whatever repository."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from redux.repo import Repo
from redux.scheduler import Report, Scheduler

WORKFLOW = """\
from redux import File, Handle, apply_tags, catch, task
from redux.scheduler import subrun

redux_namespace = "archived"
FOLDER = {folder!r}


class Notes(Handle):
    def __init__(self, name, path):
        self.path = path

    def write(self, text):
        with open(self.path, "a") as file:
            file.write(text)


@task
def text(i: int) -> str:
    return f"{{i:04d}}" * 100


@task
def count(file: File, times: int = 1) -> int:
    return len(file.read()) * times


@task
def write(i: int) -> File:
    file = File(f"{{FOLDER}}/written {{i}}.txt")
    file.write(f"{{i}}\\n" * 5)
    return file


@task
def add(first: Notes, what: str) -> Notes:
    first.write(what)
    return first


@task
def fails(why: str) -> int:
    raise ValueError(why)


@task
def recovered(error: Exception) -> str:
    return f"it was {{error}}"


@task
def holding() -> dict:
    return {{"tasks": [text, count], "bytes": bytes(70_000), "odd": "\\ud83d\\ude00 \\0 \\ufdd0d83d"}}


@task
async def waiting(i: int) -> str:
    return await text(i)


@task(tags=[("kind", "tagged")], check_valid="shallow")
def tagged(n: int) -> list:
    return apply_tags([text(i) for i in range(n)], [("colour", "blue")], job_tags=[("step", {{"at": 1}})])


@task
def main(n: int = 3) -> dict:
    notes = Notes("notes", f"{{FOLDER}}/notes.txt")
    return {{
        "counts": [count(write(i)) for i in range(n)],
        "notes": add(add(notes, "a"), "b"),
        "recovered": catch(fails("on purpose"), ValueError, recovered),
        "held": holding(),
        "waited": waiting(n),
        "texts": tagged(n),
        "below": subrun(text(n + 1), executor="threads"),
    }}


@task
def other(x: int) -> int:
    return x + 1
"""


@dataclass
class History:
    """A workflow, and what was run of it in a repository."""

    repo: Repo
    flow: ModuleType
    reports: list[Report]

    def run(self, name: str, *arguments: object) -> Report:
        """Run a task of the workflow."""
        report = Scheduler(self.repo, workers=2).execute(getattr(self.flow, name)(*arguments))
        self.reports.append(report)
        return report


def ran(report: Report) -> dict[str, int]:
    """The tasks that ran, and how often."""
    return {name: counts.done for name, counts in report.counts.items() if counts.done}


def record(repo: Repo, folder: Path, load: Callable[[Path], ModuleType]) -> History:
    """A history: the workflow twice, another task, and one that fails."""
    folder.mkdir(exist_ok=True)
    path = folder / "archived_flow.py"
    path.write_text(WORKFLOW.format(folder=str(folder)))
    history = History(repo, load(path), [])
    history.run("main")
    assert history.run("main").failure is None
    history.run("other", 1)
    assert history.run("fails", "for good").failure is not None
    return history
