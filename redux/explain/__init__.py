"""A miss explained: which piece of code changed and how, which argument is another, which file is not what it was."""

from redux.explain.asking import explain_job, group_causes
from redux.explain.causes import Affected, Cause, CauseGroup
from redux.explain.comparing import (
    ArgumentChange,
    ChangeKind,
    PieceChange,
    compare_arguments,
    compare_code,
    diff_text,
)
from redux.explain.differences import Difference, Inside
from redux.explain.looking import look_inside, look_inside_groups

__all__ = [
    "Affected",
    "ArgumentChange",
    "Cause",
    "CauseGroup",
    "ChangeKind",
    "Difference",
    "Inside",
    "PieceChange",
    "compare_arguments",
    "compare_code",
    "diff_text",
    "explain_job",
    "group_causes",
    "look_inside",
    "look_inside_groups",
]
