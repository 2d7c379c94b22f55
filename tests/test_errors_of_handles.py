"""What is told of handles while other runs change what they stand for."""

from __future__ import annotations

from pathlib import Path

from redux.repo import Repo
from redux.scheduler import Scheduler

from .error_texts import hold_to_golden
from .test_handle_turns import Trail, beside_us, leave, leave_slowly, wait_at_the_gate


def test_every_error_of_a_handle_says_which_and_what_to_do(sqlite_repo: Repo, tmp_path: Path):
    trail = Trail("trail", str(tmp_path / "trail"))

    def busy() -> object:
        with beside_us(sqlite_repo, leave(leave_slowly(trail, "one"), "two")):
            return Scheduler(sqlite_repo).run(leave(trail, "three"))

    def moved_on() -> object:
        Scheduler(sqlite_repo).run(leave(trail, "one"))
        with beside_us(sqlite_repo, leave(leave(trail, "one"), "two", wait_at_the_gate())) as other:
            Scheduler(sqlite_repo).run(leave(trail, "instead"))
        failure = other.result().failure
        assert failure is not None
        raise failure.error

    hold_to_golden("handle_errors", {"another run has the handle": busy, "another run took it on": moved_on}, tmp_path)
