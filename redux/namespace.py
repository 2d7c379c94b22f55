"""Namespaces: what stands before a task's name in its full name.

A task's own `namespace=` counts most, then what its module says: `redux_namespace = "…"`, or a call of `namespace`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping

from redux.tasks.options import TaskError

_NAMESPACE = re.compile(r"[A-Za-z_][A-Za-z_0-9.]*")
_SAID_BY_MODULES = ("redux_namespace", "redun_namespace")


def namespace(name: str | None = None) -> None:
    """Give the tasks that the calling module declares from here on a namespace; without a name, none.

    Other modules are not concerned. Raises TaskError for what can't be one.
    """
    sys._getframe(1).f_globals[_SAID_BY_MODULES[0]] = _checked(name or "")


def get_current_namespace() -> str:
    """The namespace of the tasks that the calling module declares; empty where there is none."""
    return _said_in(sys._getframe(1).f_globals)


def compute_namespace(obj: Callable[..., object], namespace: str | None = None) -> str:
    """The namespace of the task of the function `obj`: the `namespace` given, else its module's.

    Raises TaskError for what can't be one.
    """
    return _checked(_said_in(getattr(obj, "__globals__", {})) if namespace is None else namespace)


def _said_in(names: Mapping[str, object]) -> str:
    return str(next((names[said] for said in _SAID_BY_MODULES if said in names), ""))


def _checked(name: str) -> str:
    if name and not _NAMESPACE.fullmatch(name):
        raise TaskError(f"{name!r} can't be a namespace: use letters, digits, _ and dots")
    return name
