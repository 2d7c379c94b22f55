"""Functional helpers for expressions, under redun's names; each is at home in `redux.flow`."""

import redux.context  # noqa: F401 - its rule is found by its name too
from redux.expression import Literal, in_, not_
from redux.flow.catch import catch, catch_all
from redux.flow.cond import cond
from redux.flow.functions import apply_func, as_task, compose, const, eval_, identity
from redux.flow.lists import flat_map, flatten, map_, starmap, zip_
from redux.flow.prov import no_prov
from redux.flow.quoting import delay, force, quote
from redux.flow.seq import seq
from redux.flow.subrun import subrun
from redux.flow.tags import apply_tags
from redux.flow.threads import Thread, fork_thread, join_thread
from redux.flow.throw import throw

__all__ = [
    "Literal",
    "Thread",
    "apply_func",
    "apply_tags",
    "as_task",
    "catch",
    "catch_all",
    "compose",
    "cond",
    "const",
    "delay",
    "eval_",
    "flat_map",
    "flatten",
    "force",
    "fork_thread",
    "identity",
    "in_",
    "join_thread",
    "map_",
    "no_prov",
    "not_",
    "quote",
    "seq",
    "starmap",
    "subrun",
    "throw",
    "zip_",
]
