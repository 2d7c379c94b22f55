"""Evaluations that executions have claimed, so that of two which miss the same one runs it.

A claim is a wish for quiet, never a lock: who runs a call without one records the same as ever. So it may end early,
with its execution's lease or with a crash of the server, and costs a call that runs twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from redux_backends.records import ExecutionId
from redux_valuestore.digest import Digest

NONE_HELD: Mapping[Digest, ExecutionId] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Claimed:
    """What came of a claim: `mine`, in the order asked for, and `held`, what other living executions have.

    `moved` says whether others may have ended claims since this execution last claimed: what was missing then may have
    been recorded meanwhile.
    """

    mine: Sequence[Digest]
    held: Mapping[Digest, ExecutionId]
    moved: bool


class EvaluationClaims(Protocol):
    """Who has claimed which evaluations, among all processes that share them."""

    def claim(self, evals: Sequence[Digest], execution: ExecutionId, at_most: int) -> Claimed:
        """Claim the first of these that no other living execution has. Raises `BackendError`."""
        ...

    def held(self, evals: Sequence[Digest], execution: ExecutionId) -> Mapping[Digest, ExecutionId]:
        """Those of these that other living executions have, with which. Raises `BackendError`."""
        ...

    def release(self, evals: Sequence[Digest] | None, execution: ExecutionId) -> None:
        """End these claims of an execution, or all. Raises `BackendError`."""
        ...

    def let_go(self) -> None:
        """End all claims that were made here."""
        ...
