"""What a task may know of the job that runs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class JobInfo:
    """The job that runs: a parameter with `JobInfo()` as its default is given this one, and does not count in the key.

    `execution_id`, `job_id`, `eval_hash` and `args_hash` are hex, as `redux log` takes them. `attempt` counts from 1;
    `options` are those that the task's executor gets.
    """

    execution_id: str = ""
    job_id: str = ""
    eval_hash: str = ""
    args_hash: str = ""
    attempt: int = 0
    options: Mapping[str, object] = field(default_factory=dict[str, object])
