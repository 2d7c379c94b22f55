"""A miss explained: which piece of code changed and how, which argument is another, which file is not what it was."""

from redux.explain.asking import Explained, explain_job, group_causes
from redux.explain.causes import Affected, Cause, CauseGroup, Compared, Miss, RootOfJob, Via
from redux.explain.comparing import (
    ArgumentChange,
    ChangeKind,
    PieceChange,
    compare_arguments,
    compare_code,
    diff_text,
)

__all__ = [
    "Affected",
    "ArgumentChange",
    "Cause",
    "CauseGroup",
    "ChangeKind",
    "Compared",
    "Explained",
    "Miss",
    "PieceChange",
    "RootOfJob",
    "Via",
    "compare_arguments",
    "compare_code",
    "diff_text",
    "explain_job",
    "group_causes",
]
