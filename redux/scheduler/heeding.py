"""What one execution heeds of what people said: which older versions count, which calls are forgotten."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from redux.amendments import (
    Acceptance,
    Forgotten,
    read_acceptance,
    read_forgotten,
    remembering_tag,
)
from redux_backends.backend import ACCEPTS, FORGOTTEN, Backend
from redux_backends.records import JobId, Tag
from redux_valuestore.digest import Digest

_NONE: Sequence[Digest] = ()


class Heeding:
    """What people said by the time that an execution asks first, by one statement; none more where nothing was."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._loaded = False
        self.accepts = False
        """whether any version of a task accepts another's results"""
        self.revokes = False
        """whether any did once"""
        self.forgets = False
        """whether anything is forgotten"""
        self._accepted: dict[Digest, list[Digest]] = {}
        self._revoked: dict[Digest, list[Digest]] = {}
        self._older: dict[Digest, Sequence[Digest]] = {}
        self._calls: dict[Digest, list[Forgotten]] = {}
        self._evaluations: dict[Digest, Forgotten] = {}
        self._tasks: frozenset[Digest] = frozenset()

    def load(self) -> None:
        """Ask, unless that was done or tried. Raises BackendError."""
        if self._loaded:
            return
        self._loaded = True
        tags = self._backend.tags_of((ACCEPTS, FORGOTTEN))
        if tags:
            self._take_acceptances(self._of_one_task([one for one in map(read_acceptance, tags) if one is not None]))
            self._take_forgotten([one for one in map(read_forgotten, tags) if one is not None])

    # -- acceptances -------------------------------------------------------------------------------

    def _of_one_task(self, acceptances: Sequence[Acceptance]) -> Sequence[Acceptance]:
        """Those that are about two versions of one task: whoever wrote another was not `redux accept`."""
        versions = {hash for one in acceptances for hash in (one.new, one.old)}
        names = {hash: task.fullname for hash, task in self._backend.get_tasks(sorted(versions)).items()}
        return [one for one in acceptances if one.new in names and names[one.new] == names.get(one.old)]

    def _take_acceptances(self, acceptances: Sequence[Acceptance]) -> None:
        # Of what two databases say of one pair, that is heeded which runs more.
        revoked = {(one.new, one.old) for one in acceptances if one.revoked}
        for one in acceptances:
            kept = self._revoked if (one.new, one.old) in revoked else self._accepted
            kept.setdefault(one.new, []).append(one.old)
        self.accepts, self.revokes = bool(self._accepted), bool(self._revoked)

    def older(self, task_hash: Digest) -> Sequence[Digest]:
        """The versions of a task whose results count for this one, those that it accepts itself first."""
        if not self._accepted:
            return _NONE
        found = self._older.get(task_hash)
        if found is None:
            found = self._older[task_hash] = self._find_older(task_hash)
        return found

    def _find_older(self, task_hash: Digest) -> Sequence[Digest]:
        found: dict[Digest, None] = {}
        waiting = [task_hash]
        for one in waiting:  # which grows meanwhile
            new = [old for old in self._accepted.get(one, ()) if old != task_hash and old not in found]
            found.update(dict.fromkeys(new))
            waiting += new
        return tuple(found)

    def revoked(self, task_hash: Digest) -> Sequence[Digest]:
        """The versions whose results counted for this one once."""
        return self._revoked.get(task_hash, _NONE)

    def standing_for(self, task_hashes: Iterable[Digest]) -> frozenset[Digest]:
        """The versions whose results count for one of these."""
        return frozenset(old for one in task_hashes for old in self.older(one)) if self._accepted else frozenset()

    # -- what is forgotten -------------------------------------------------------------------------

    def _take_forgotten(self, found: Sequence[Forgotten]) -> None:
        if not found:
            return
        calls = defaultdict[Digest, list[Forgotten]](list)
        for one in found:
            if one.kind == "call":
                calls[Digest(one.entity)].append(one)
        jobs = [JobId(one.entity) for one in found if one.kind == "job"]
        asked = self._backend.evaluations_of(list(calls), jobs)
        for one in found:
            of = asked.get(one.entity)
            if of is not None:
                other = self._evaluations.get(of.eval_hash)
                self._evaluations[of.eval_hash] = one if other is None or other.until < one.until else other
        self._calls = dict(calls)
        self.forgets = bool(self._evaluations)
        self._tasks = frozenset(asked[call].task_hash for call in calls if call in asked)

    def of_evaluation(self, eval_hash: Digest) -> Forgotten | None:
        """Until when results of an evaluation are forgotten, None where they are not."""
        return self._evaluations.get(eval_hash)

    def of_call(self, call: Digest) -> Forgotten | None:
        """By whom a finished call was forgotten, if it was."""
        said = self._calls.get(call) if self._calls else None
        return said[0] if said else None

    def may_hold_forgotten(self, tasks: frozenset[Digest]) -> bool:
        """Whether a call made of these tasks may have one below it that is forgotten."""
        return not self._tasks.isdisjoint(tasks)

    def may_stand_for_forgotten(self, tasks: frozenset[Digest]) -> bool:
        """Whether a call made of these tasks may have one below it in the place of a newer version's forgotten one."""
        return self.accepts and any(not tasks.isdisjoint(self.older(task)) for task in self._tasks)

    def hold_forgotten(self, calls: Sequence[Digest]) -> frozenset[Digest]:
        """Those of these finished calls that have one below them that is forgotten."""
        return self._backend.have_below(calls, FORGOTTEN) if calls else frozenset()

    def made_again(self, call: Digest) -> Sequence[Tag]:
        """What is to be recorded with a call that was made anew, so that it counts again."""
        said = self._calls.pop(call, None) if self._calls else None
        return (remembering_tag(said),) if said else ()
