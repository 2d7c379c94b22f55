"""What one execution has claimed, and what of that it is through with."""

from __future__ import annotations

from redux.scheduler.turnstile import Turnstile
from redux_valuestore.digest import Digest


class Claims:
    """Evaluations that this execution alone runs, until what came of them is written."""

    __slots__ = ("_over", "_running")

    def __init__(self) -> None:
        self._running: dict[Digest, Turnstile] = {}
        self._over: list[Digest] = []

    def __bool__(self) -> bool:
        return bool(self._running)

    def __contains__(self, eval_hash: Digest) -> bool:
        return eval_hash in self._running

    @property
    def over(self) -> int:
        """How many are to be let go of once what was gathered is written."""
        return len(self._over)

    def add(self, eval_hash: Digest, turnstile: Turnstile) -> None:
        """An evaluation was claimed, by one who came in there."""
        turnstile.enter()
        self._running[eval_hash] = turnstile

    def end(self, eval_hash: Digest | None) -> None:
        """What there will be of an evaluation is noted: its claim ends once that is written."""
        turnstile = self._running.pop(eval_hash, None) if self._running and eval_hash is not None else None
        if turnstile is not None and eval_hash is not None:
            turnstile.leave()
            self._over.append(eval_hash)

    def take_over(self) -> list[Digest]:
        """Those whose claims end with what is written now."""
        over, self._over = self._over, []
        return over
