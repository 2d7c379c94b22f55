"""Sphinx extension: autodoc shows tasks as the functions they are made of.

In `conf.py`: `extensions = ["redux.sphinx"]`. Then `automodule` with `:members:` lists the tasks of a module, and
`autofunction` takes one, with the signature and the docstring of its function; a last line gives the full name that the
task has in the record. Needs Sphinx: `pip install 'redux-cache[sphinx]'`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from redux.task import SchedulerTask, Task

if TYPE_CHECKING:
    from sphinx.application import Sphinx

__all__ = ["setup"]


def setup(app: Sphinx) -> dict[str, Any]:
    """What Sphinx calls to load the extension; gives its metadata, by which pages may be read side by side."""
    app.setup_extension("sphinx.ext.autodoc")
    for kind in (Task, SchedulerTask):
        # A routine, to `inspect` and so to autodoc, is what can be bound; a task stays itself.
        kind.__get__ = _itself  # pyright: ignore[reportAttributeAccessIssue]
    app.connect("autodoc-process-docstring", _add_full_name)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _itself(task: object, instance: object, owner: type | None = None) -> object:
    return task


def _add_full_name(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    if isinstance(obj, (Task, SchedulerTask)):
        kind = "Task" if isinstance(obj, Task) else "Scheduler task"
        lines += ["", f"{kind} ``{obj.fullname}``.", ""]
