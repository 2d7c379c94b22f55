"""Eve, who is believed: packs of hers with whatever she likes, out of records that she can read, by chance."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from redux.shared.index import entry_of, make_index
from redux.shared.pack import Pack, make_pack
from redux.shared.records_code import is_plain
from redux.trust.keys import SigningKey
from redux.value import encode
from redux_backends.backend import Backend
from redux_backends.exchange import CallRecord, Records
from redux_backends.records import Evaluation, Job, JobStatus, Tag, TaskSet, Traits, ValueRecord, hash_call
from redux_valuestore.digest import Digest, digest_bytes
from redux_valuestore.objects import Objects

from .shared_homes import EVE

LIE = "EVE SAYS"
"""Begins all texts that she makes up."""


class Forger:
    """Makes packs out of what lies about (`known`), with lies: hash-true ones, and some that are not."""

    def __init__(self, numbers: random.Random, known: Records, expressions: Sequence[object]) -> None:
        self._numbers = numbers
        self._known = known
        self._lies = [made_value(f"{LIE} {numbers.random()}") for _ in range(3)]
        self._leading = [made_value(expression) for expression in expressions]
        self._lazy = [*self._leading, *(value for value in known.values if value.traits & Traits.EXPRESSIONS)]
        self._of = {record.call.eval_hash: record for record in known.calls}
        self.evals: set[Digest] = set()
        """the evaluations that the tables of her packs have"""

    def pack(self) -> Pack:
        """One more pack."""
        known, numbers = self._known, self._numbers
        asked = numbers.sample(known.keys, numbers.randint(1, len(known.keys)))
        calls = [call for key in asked for call in self._calls(key.eval_hash)]
        own = {record.call.eval_hash for record in calls}
        results = [self._result(record) for record in calls for _ in range(numbers.randint(0, 2))]
        if numbers.random() < 0.1:  # what no call in it gave
            of = numbers.choice([*own, *(key.eval_hash for key in known.keys)])
            results.append(Evaluation(of, numbers.choice(self._lies).hash, 0.1, self._moment()))
        records = Records(
            values=[*known.values, *self._lies, *self._leading],
            tasks=known.tasks,
            keys=known.keys,
            results=results,
            task_sets=known.task_sets,
            calls=list({record.call.call_hash: record for record in calls}.values()),
            executions=[self._execution(each) for each in known.executions if numbers.random() < 0.7],
            jobs=self._jobs(calls),
            tags=self._tags(calls),
        )
        records = self._spoiled(records)
        pack = forged(records, time.time() + numbers.uniform(-9_000, 9_000))
        self.evals.update(of for of, _ in pack.header.table)
        return pack

    def _calls(self, of: Digest) -> list[CallRecord]:
        """The known call of an evaluation, or another that has its hash: another result, other children."""
        record, numbers = self._of[of], self._numbers
        if numbers.random() < 0.3:
            return [record]
        node = record.call
        known = [each.call.call_hash for each in self._known.calls if each.call.call_hash != node.call_hash]
        children = node.children if numbers.random() < 0.6 else tuple(numbers.sample(known, numbers.randint(0, 2)))
        value = numbers.choice([*self._lies, *self._known.values])
        result = value.hash if numbers.random() < 0.8 else node.result
        sets = self._known.task_sets
        made = replace(
            node,
            call_hash=hash_call(record.task_hash, record.args_hash, result, children),
            result=result,
            children=children,
            task_set=node.task_set if numbers.random() < 0.7 else numbers.choice(sets).hash,
            recorded=self._moment(),
            upstreams=node.upstreams if numbers.random() < 0.7 else (),
        )
        return [replace(record, call=made), *([record] if numbers.random() < 0.2 else [])]

    def _result(self, record: CallRecord) -> Evaluation:
        lazy = self._numbers.random() < 0.5
        result = self._numbers.choice(self._lazy).hash if lazy else record.call.result
        return Evaluation(record.call.eval_hash, result, 0.1, self._moment())

    def _moment(self) -> float:
        return time.time() + self._numbers.choice((-1e6, -60.0, 60.0, 1e7))

    def _execution(self, known: Any) -> Any:
        if self._numbers.random() < 0.4:
            return known
        return replace(known, ended=time.time(), status=JobStatus.FAILED, user=f"{LIE} it was I")

    def _jobs(self, calls: Sequence[CallRecord]) -> list[Job]:
        """The jobs that she knows, in executions as it suits her, of calls as it suits her."""
        numbers, found = self._numbers, list[Job]()
        hashes = [record.call.call_hash for record in [*calls, *self._known.calls]]
        for job in self._known.jobs:
            if numbers.random() < 0.5:
                job = replace(job, execution=numbers.choice(self._known.executions).id, parent=None)
            if numbers.random() < 0.5:
                job = replace(job, call_hash=numbers.choice(hashes), status=JobStatus.DONE)
            found.append(job)
        return numbers.sample(found, numbers.randint(0, len(found)))

    def _tags(self, calls: Sequence[CallRecord]) -> list[Tag]:
        known, numbers = self._known, self._numbers
        entities: list[tuple[str, bytes]] = [("call", each.call.call_hash) for each in [*known.calls, *calls]]
        entities += [("execution", each.id) for each in known.executions] + [("job", each.id) for each in known.jobs]
        entities += [("value", each.hash) for each in known.values] + [("task", each.hash) for each in known.tasks]
        keys = ("git_commit", "redux.version", "owner")
        tags = [
            Tag(kind, entity, numbers.choice(keys), f'"{LIE} {number}"')
            for number, (kind, entity) in enumerate(numbers.sample(entities, min(9, len(entities))))
        ]
        return [tag for tag in tags if is_plain(tag)]

    def _spoiled(self, records: Records) -> Records:
        """Now and then, with something that has not its hash."""
        draw, numbers = self._numbers.random(), self._numbers
        if draw < 0.06:
            return replace(records, values=[replace(numbers.choice(records.values), data=b"no"), *records.values[1:]])
        if draw < 0.12:
            key = numbers.choice(records.keys)
            bent = replace(key, arguments=tuple(replace(each, name="\udc80") for each in key.arguments))
            return replace(records, keys=[bent if each is key else each for each in records.keys])
        if draw < 0.18:
            record = numbers.choice(records.calls)
            bent = replace(record, call=replace(record.call, result=self._lies[0].hash))
            return replace(records, calls=[bent if each is record else each for each in records.calls])
        if draw < 0.24:
            sets = [TaskSet(digest_bytes(b"other"), each.tasks) for each in records.task_sets[:1]]
            return replace(records, task_sets=[*sets, *records.task_sets[1:]])
        return records


def made_value(what: object) -> ValueRecord:
    """The record of something that nobody computed."""
    made = encode(what)
    return ValueRecord(made.hash, made.type_name, made.size, b"".join(map(bytes, made.chunks)), LIE, made.traits)


def forged(records: Records, made: float, key: SigningKey = EVE) -> Pack:
    """A pack of records as they are, whatever they say."""
    with patch("redux.shared.pack.shareable", lambda given: given):  # which those heed who are honest
        return make_pack(records, 0, made, key)


def everything(backend: Backend) -> Records:
    """All records of a database."""
    return backend.get_records(list(backend.iter_record_ids()))


def put_pack(bucket: str, pack: Pack) -> None:
    """Put a pack into a bucket, and tell of it."""
    Path(bucket).mkdir(exist_ok=True)
    objects = Objects(bucket)
    objects.put_new(pack.name.path, pack.data)
    index, data = make_index([entry_of(pack.header)])
    objects.put_new(index.name.path, data)
