"""Inline: jobs run in the scheduler's own thread, one after another; for debuggers, and for tasks that need it."""

from __future__ import annotations

from redux.executors.executor import JobSpec, Site, execute


class InlineExecutor:
    """Runs each job as it is submitted, and tells its `site`; `name` is what tasks call it.

    A job's `timeout` does not hold here: nobody is there to look at the clock.
    """

    workers = 1

    def __init__(self, site: Site, name: str = "inline") -> None:
        self.name = name
        self._site = site

    def submit(self, key: object, spec: JobSpec) -> None:
        """Run the job `spec`, and report its outcome under `key` before this returns."""
        self._site.done(key, execute(spec, self._site.repo))

    def cancel_waiting(self) -> list[object]:
        """Nothing waits."""
        return []

    def give_up_overdue(self) -> None:
        """Nothing runs while this is asked."""

    def close(self) -> None:
        """Nothing to let go of."""
