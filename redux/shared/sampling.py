"""A sample of what the shared cache has is made again all the same, to see whether those who sign tell the truth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from redux.repo import Repo
from redux.shared.layout import UNSIGNED, signer_of
from redux_backends.records import ExecutionId
from redux_valuestore.digest import Digest, digest_bytes
from redux_valuestore.frozen import frozen

_ALL = 1 << 64
_NONE: frozenset[Digest] = frozenset()
_MANY = 1_000


@frozen
class Differs:
    """A call that gave another result here than somebody's: its task, the `signer`'s id, and both as they are shown."""

    fullname: str
    signer: str
    here: str
    there: str


@dataclass(slots=True)
class Sampling:
    """Chooses a `part` (0 to 1) of the evaluations that are known from others, the same ones for one execution."""

    repo: Repo
    part: float
    chosen: dict[Digest, str] = field(default_factory=dict[Digest, str])
    """who signed what was chosen so far"""

    def choose(self, execution: bytes, evals: Iterable[Digest]) -> frozenset[Digest]:
        """Those of these evaluations, all known here, that are to be made again; none is looked at without a sample."""
        if not self.part:
            return _NONE
        drawn = [one for one in evals if is_drawn(execution, one, self.part)]
        if drawn:
            self._note_signers(drawn)
        return frozenset(one for one in drawn if one in self.chosen)

    def _note_signers(self, evals: Sequence[Digest]) -> None:
        found = self.repo.backend.find_calls(evals)
        tags = self.repo.backend.get_tags([call.call_hash for calls in found.values() for call in calls])
        for eval_hash, calls in found.items():
            for call in calls:
                for tag in tags.get(call.call_hash, ()):
                    if (signer := signer_of(tag)) is not None:
                        self.chosen.setdefault(eval_hash, signer)

    def differing(self, execution: ExecutionId) -> list[Differs]:
        """Those that gave another result in this execution, which has ended. Raises `BackendError`."""
        if not self.chosen:
            return []
        told = self.repo.backend.disagreements(execution=execution, limit=_MANY)
        return [
            Differs(one.fullname, self.chosen[eval_hash], one.results[0].preview, one.results[1].preview)
            for one in told
            if (eval_hash := one.key.eval_hash) in self.chosen and len(one.results) > 1
        ]


def is_drawn(execution: bytes, eval_hash: Digest, part: float) -> bool:
    """Whether an evaluation is among the part of all that an execution makes again."""
    return int.from_bytes(digest_bytes(execution + eval_hash)[:8], "big") < part * _ALL


def differs_words(one: Differs, name: str) -> str:
    """What people are told of it; `name` is what they call the signer."""
    whose, help = "nobody signed", ""
    if one.signer != UNSIGNED:
        whose = f"{name} signed"
        help = f"; `redux cache disown --signer {one.signer}` has nothing of theirs believed"
    return (
        f"A RESULT IN THE SHARED CACHE IS NOT WHAT ITS CALL GIVES: {one.fullname} gave {one.here} here, and {whose} "
        f"{one.there}. This run goes on with its own{help}; `redux log --nondeterministic` shows both"
    )
