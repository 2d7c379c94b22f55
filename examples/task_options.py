"""Options of tasks and of calls: limits, timeouts, retries, arguments given early, and what a job knows of itself.

    $ redux run examples/task_options.py main
    {'filled': ['can 1', 'can 2'], 'scaled': [10, 20, 30], 'slow': 'given up', 'attempt': 3, 'told': 'an id, quiet'}

Run it again, and nothing runs but the call that was given up.
"""

from __future__ import annotations

import time
from pathlib import Path

from redux import task
from redux.functools import catch, map_
from redux.scheduler import JobInfo

PUMP = Path("out/pump")


@task(limits=["pump"])
def fill(can: int) -> str:
    """Fill a can, for which nobody else may be at the pump. Of what no `[limits]` counts there is one."""
    PUMP.mkdir(parents=True)  # raises where it is there already
    time.sleep(0.01)
    PUMP.rmdir()
    return f"can {can}"


@task
def multiply(factor: int, number: int) -> int:
    """A product."""
    return factor * number


@task
def dawdle(seconds: float) -> str:
    """Take some time."""
    time.sleep(seconds)
    return "came to its end"


@task
def give_up(error: Exception) -> str:
    """What is said of a call that took too long."""
    return "given up"


@task(retries=5, retry_delay=0.001)
def open_door(job: JobInfo = JobInfo()) -> int:
    """At which attempt the door opened: it sticks twice. A job's `JobInfo` is no part of what its call is known by."""
    if job.attempt < 3:
        raise OSError("it sticks")
    return job.attempt


@task
def tell(manner: str = "", job: JobInfo = JobInfo()) -> str:
    """What a job knows of itself. Options that redux doesn't know are for the executor, and shown here."""
    return f"{'an id' if job.job_id else 'nothing'}, {job.options['manner']}"


@task
def main() -> dict[str, object]:
    """One call for each."""
    tenfold = multiply.partial(factor=10)
    return {
        "filled": map_(fill, [1, 2]),
        "scaled": [tenfold(number=number) for number in (1, 2, 3)],
        "slow": catch(dawdle.options(timeout=0.05)(0.5), TimeoutError, give_up),
        "attempt": open_door(),
        "told": tell.options(manner="quiet")(),
    }
