"""The cache's questions of plain dicts, for a whole wave."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from redux_backends.backend import CallCandidate, Candidate
from redux_backends.memory_amending import MemoryAmending
from redux_backends.records import CallNode, Evaluation, Place, StoredValue, Traits, ValueRecord
from redux_valuestore.digest import Digest

_Dated = TypeVar("_Dated", Evaluation, CallNode)


class MemoryLookup(MemoryAmending):
    """The records of a memory backend with what the cache asks of them."""

    def valid_handles(self, handles: Iterable[Digest]) -> frozenset[Digest]:
        with self._lock:
            return frozenset(
                handle for handle in handles if (kept := self._handles.get(handle)) is not None and kept.valid
            )

    def check_cache(self, evals: Sequence[Digest]) -> Mapping[Digest, Sequence[Candidate]]:
        with self._lock:
            return {
                eval_hash: [self._candidate(evaluation) for evaluation in newest(results.values())]
                for eval_hash in evals
                if (results := self._reductions.get(eval_hash))
            }

    def _candidate(self, evaluation: Evaluation) -> Candidate:
        leaf = next(
            (
                call
                for call in self._calls_of.get(evaluation.eval_hash, ())
                if call.result == evaluation.result and not call.children
            ),
            None,
        )
        return Candidate(
            value=self._stored(evaluation.result),
            duration=evaluation.duration,
            leaf=leaf and leaf.call_hash,
            leaf_set=leaf and leaf.task_set,
            recorded=evaluation.recorded,
        )

    def find_calls(self, evals: Sequence[Digest]) -> Mapping[Digest, Sequence[CallCandidate]]:
        with self._lock:
            found: dict[Digest, list[CallCandidate]] = {}
            for eval_hash in evals:
                candidates = [
                    CallCandidate(call.call_hash, value, call.task_set, call.duration)
                    for call in newest(self._calls_of.get(eval_hash, []))
                    if not (value := self._stored(call.result)).traits & Traits.ERROR
                ]
                if candidates:
                    found[eval_hash] = candidates
            return found

    def _stored(self, value: Digest) -> StoredValue:
        known = self._values[value]
        data = known.record.data if known.place is Place.INLINE else None
        return StoredValue(value, data, known.place, known.record.traits)

    def get_task_sets(self, sets: Iterable[Digest]) -> Mapping[Digest, frozenset[Digest]]:
        with self._lock:
            return {digest: self._task_sets[digest] for digest in sets if digest in self._task_sets}

    def values_below(self, call: Digest, traits: Traits) -> frozenset[Digest]:
        with self._lock:
            calls = [self._calls[child] for child in self._below(call)]
            values = {one.result for one in calls}
            values |= {argument.value for one in calls for argument in self._keys[one.eval_hash].arguments}
            return frozenset(value for value in values if self._values[value].record.traits & traits)

    def get_values(self, values: Sequence[Digest]) -> Mapping[Digest, StoredValue]:
        with self._lock:
            return {value: self._stored(value) for value in values if value in self._values}

    def get_held(self, values: Sequence[Digest]) -> Mapping[Digest, ValueRecord]:
        with self._lock:
            return {value: replace(self._values[value].record, data=None) for value in values if value in self._values}

    def known_tasks(self, fullnames: Sequence[str]) -> Mapping[str, Sequence[Digest]]:
        with self._lock:
            versions = {fullname: [task.hash for task in self.task_versions(fullname)] for fullname in fullnames}
            return {fullname: hashes for fullname, hashes in versions.items() if hashes}

    def known_evaluations(self, evals: Sequence[Digest]) -> frozenset[Digest]:
        with self._lock:
            return frozenset(evals) & self._keys.keys()


def newest(records: Iterable[_Dated]) -> list[_Dated]:
    """What was recorded last first."""
    return sorted(records, key=lambda record: -record.recorded)
