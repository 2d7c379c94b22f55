"""Whatever is accepted that changes nothing, and whatever is forgotten, random programs answer as without a cache."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from redux.amending.accepting import accept, propose
from redux.amending.forgetting import forget, remember
from redux.fsck.check import Check
from redux.repo import Repo
from redux.scheduler import Scheduler
from redux.scheduler.opening import read_code
from redux.scheduler.task_book import TaskBook
from redux_backends.memory import MemoryBackend
from redux_valuestore.store import MemoryStore

from .conftest import load_workflow
from .programs import Program, edits, programs


class Story:
    """One program, edited again and again: with lines that change nothing, which are accepted, and with others."""

    def __init__(self, folder: Path) -> None:
        self.repo = Repo(MemoryBackend(), MemoryStore())
        self.path = folder / "flow.py"
        self.idle: dict[int, int] = {}

    def run(self, program: Program, inputs: list[int]) -> TaskBook:
        """Run it, and see that the answer is right."""
        self.path.write_text(self._with_idle_lines(program.text()))
        main = getattr(load_workflow(self.path), program.main)
        scheduler = Scheduler(self.repo, folder=self.path.parent)
        assert scheduler.run([main(x) for x in inputs]) == [program.answer(x) for x in inputs]
        return read_code(self.path.parent, self.repo)

    def _with_idle_lines(self, text: str) -> str:
        return re.sub(
            r"(def task(\d+)\(x, y=\d+\):\n)",
            lambda found: f"{found[1]}    idle = {self.idle.get(int(found[2]), 0)}\n",
            text,
        )

    def accept_idle(self, program: Program, index: int) -> None:
        """Another idle line in a task, and the task accepted as it is then."""
        before = read_code(self.path.parent, self.repo)
        self.idle[index] = self.idle.get(index, 0) + 1
        self.path.write_text(self._with_idle_lines(program.text()))
        load_workflow(self.path)
        now = read_code(self.path.parent, self.repo)
        name = f"random_program.task{index}"
        old, new = before.find(name).task_hash, now.record_of(now.find(name).task_hash)
        if self.repo.backend.get_task(old) is not None and old != new.hash:
            accept(self.repo.backend, propose(self.repo.backend, new, old.hex()), "ada")

    def forget_some(self, data: st.DataObject) -> None:
        """A task's calls forgotten, or remembered again."""
        (newest,) = self.repo.backend.executions(1)
        names = sorted({view.fullname for view in self.repo.backend.jobs(execution=newest.id, limit=1000)})
        name = data.draw(st.sampled_from(names), "forget")
        found = self.repo.backend.remembered("task", self.repo.backend.known_tasks([name])[name])
        forget(self.repo.backend, found, "ada")
        if data.draw(st.booleans(), "and remember"):
            remember(self.repo.backend, found)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(programs, st.lists(st.integers(0, 3), min_size=1, max_size=2), st.data())
def test_answers_are_right_whatever_was_accepted_and_forgotten(
    program: Program, inputs: list[int], data: st.DataObject
):
    with tempfile.TemporaryDirectory() as folder:
        story = Story(Path(folder))
        for _ in range(5):
            story.run(program, inputs)
            what = data.draw(st.sampled_from(("accept", "accept", "forget", "edit")), "what")
            if what == "accept":
                index = data.draw(st.integers(0, len(program.tasks) - 1), "task")
                story.accept_idle(program, index)
            elif what == "forget":
                story.forget_some(data)
            else:
                program = data.draw(edits(program))
        story.run(program, inputs)
        assert [*Check(story.repo).findings()] == []
