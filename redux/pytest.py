"""`redux.pytest_plugin` under the name that redun's users know."""

from __future__ import annotations

from redux.pytest_plugin import assert_cached, assert_reruns, own_tasks, project_scheduler, scheduler

__all__ = ["assert_cached", "assert_reruns", "own_tasks", "project_scheduler", "scheduler"]
