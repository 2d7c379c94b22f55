"""Random histories of many calls, and which of them are tainted: told by a plain model that knows no records."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from random import Random

from redux.shared.layout import SIGNER_TAG
from redux_backends.backend import Backend
from redux_backends.records import (
    Argument,
    Batch,
    CallNode,
    CodePiece,
    EvaluationKey,
    Execution,
    Job,
    Tag,
    TaskRecord,
    Upstream,
    ValueRecord,
    hash_arguments,
    hash_call,
    hash_evaluation,
    hash_task,
)
from redux_backends.sample import (
    digest,
    done,
    ended,
    evaluation,
    execution,
    file_value,
    holding_value,
    started,
    task_set,
    value,
)
from redux_valuestore.digest import Digest

ONE_BYTE = replace(value("mp1\n\xc0"), size=5)
"""None, as it is encoded."""


@dataclass(slots=True)
class Node:
    """A call as the model knows it: by its number, arguments are (name, value, call that it came from or -1)."""

    number: int
    watches: bool
    arguments: list[tuple[str, ValueRecord, int]]
    result: ValueRecord
    children: list[int] = field(default_factory=list[int])
    seed: bool = False


class History:
    """So many calls in several executions, some of them taken from a signer, as a model and as records.

    Of what a call is given, so many parts (`far`, from 0 to 1) come from anywhere, not from its own execution.
    """

    def __init__(self, calls: int, executions: int, seeds: int, number: int = 0, far: float = 0.03) -> None:
        self._random = Random(number)
        self._far = far
        self._count = 0
        self.nodes: list[Node] = []
        self.runs: list[range] = []
        for run in range(executions):
            first = len(self.nodes)
            last = calls * (run + 1) // executions
            waiting: list[int] = []
            while len(self.nodes) < last:
                waiting = self._add(waiting, first)
            self.runs.append(range(first, last))
        for node in self._random.sample(self.nodes, seeds):
            node.seed = True
        self.hashes: list[Digest] = []

    # -- the model ---------------------------------------------------------------------------------

    def _add(self, waiting: list[int], first: int) -> list[int]:
        """A call more, which called some of those that `waiting` are; gives those that wait for a caller then."""
        random, number = self._random, len(self.nodes)
        kept = max(0, len(waiting) - random.choice([0, 0, 0, 1, 2, 3]))
        arguments = [self._argument(f"a{at}", first) for at in range(random.choice([0, 1, 1, 2, 3]))]
        children = [] if number == first else waiting[kept:]
        kind = random.random()
        if kind < 0.1 and arguments:
            result = random.choice(arguments)[1]
        elif kind < 0.15:
            result = ONE_BYTE
        elif kind < 0.22:
            result = file_value(f"/data/{random.randrange(50)}.csv", f"content {self._fresh()}")
        elif kind < 0.27 and children:
            result = holding_value(f"holds {self._fresh()}", [self.nodes[children[0]].result], [])
        else:
            result = self._value()
        self.nodes.append(Node(number, random.random() < 0.1, arguments, result, children))
        return [*waiting[:kept], number] if children or kept == len(waiting) else [*waiting, number]

    def _argument(self, name: str, first: int) -> tuple[str, ValueRecord, int]:
        random = self._random
        kind = random.random()
        if kind < 0.3 or not self.nodes:
            return name, ONE_BYTE if kind < 0.05 else self._value(), -1
        near = len(self.nodes) > first and random.random() >= self._far
        of = random.choice(self.nodes[max(first, len(self.nodes) - 20) :] if near else self.nodes)
        if kind < 0.65:
            return name, of.result, of.number
        if kind < 0.75:
            return name, holding_value(f"in {self._fresh()}", [], []), of.number
        if kind < 0.85:
            return name, of.result, -1
        if kind < 0.92 and of.result.files:
            beside = of.result.files[0]
            return name, replace(file_value(f"list {self._fresh()}"), files=(beside,)), -1
        if kind < 0.95:
            return name, holding_value(f"holds {self._fresh()}", [of.result], []), -1
        if kind < 0.98:
            return name, file_value("/data/given.csv", f"content {self._random.randrange(5)}"), -1
        return name, self._value(), -1

    def _value(self) -> ValueRecord:
        return value(f"value {self._fresh()}")

    def _fresh(self) -> int:
        self._count += 1
        return self._count

    def tainted(self) -> tuple[set[int], set[tuple[str, Digest | None]]]:
        """The numbers of the calls that are tainted, and the files that they wrote: rule by rule, to the end."""
        results = {node.number for node in self.nodes if node.seed}
        bodies: set[int] = set()
        met = [one for node in self.nodes for one in (node.result, *(given for _, given, _ in node.arguments))]
        wholes = [one for one in met if one.subvalues]
        while True:
            values = {self.nodes[one].result.hash for one in results if self.nodes[one].result.size > 5}
            values |= {whole.hash for whole in wholes if not values.isdisjoint(whole.subvalues)}
            files = {
                file
                for one in results
                for file in self.nodes[one].result.files
                if not any(file in given.files for _, given, _ in self.nodes[one].arguments)
            }
            before = len(results), len(bodies)
            for node in self.nodes:
                if any(origin in results for _, _, origin in node.arguments):
                    bodies.add(node.number)
                if any(given.hash in values or not files.isdisjoint(given.files) for given in self._loose(node)):
                    bodies.add(node.number)
                if node.watches and any(child in results for child in node.children):
                    bodies.add(node.number)
                if any(child in results for child in node.children):
                    results.add(node.number)
                if node.number in bodies:
                    bodies |= {child for child in node.children if self._loose(self.nodes[child])}
            results |= bodies
            if (len(results), len(bodies)) == before:
                return results, {(file.path, file.content) for file in files}

    def _loose(self, node: Node) -> list[ValueRecord]:
        """The arguments that are not wholly the result of a call."""
        return [
            given for _, given, origin in node.arguments if origin == -1 or self.nodes[origin].result.hash != given.hash
        ]

    # -- records -----------------------------------------------------------------------------------

    def record(self, backend: Backend, signer: str) -> None:
        """Record all of it; calls that are `seed` as taken from the signer. Jobs of some calls are nowhere."""
        tasks: dict[object, TaskRecord] = {False: task_of("plain", False), True: task_of("watching", True)}
        every = task_set(*tasks.values())
        keys: dict[Digest, EvaluationKey] = {}
        calls: list[CallNode] = []
        values: dict[Digest, ValueRecord] = {}
        made: list[EvaluationKey] = []
        for node in self.nodes:
            # No two calls of the model are one record.
            of = tasks[node.watches] if node.arguments else task_of(f"alone{node.number}", node.watches)
            tasks[of.fullname] = of
            told = [(f"{name}_{node.number}", given, origin) for name, given, origin in node.arguments]
            arguments = tuple(Argument(name, given.hash) for name, given, _ in told)
            args_hash = hash_arguments((each.name, each.value) for each in arguments)
            key = EvaluationKey(hash_evaluation(of.hash, args_hash), of.hash, args_hash, arguments)
            upstreams = tuple(Upstream(name, self.hashes[origin]) for name, _, origin in told if origin >= 0)
            below = tuple(self.hashes[child] for child in node.children)
            call_hash = hash_call(of.hash, args_hash, node.result.hash, below)
            moment = 1.7e9 + node.number
            calls.append(
                CallNode(call_hash, key.eval_hash, node.result.hash, below, every.hash, 0.5, moment, upstreams)
            )
            keys[key.eval_hash] = key
            made.append(key)
            self.hashes.append(call_hash)
            for one in (node.result, *(given for _, given, _ in told)):
                values[one.hash] = one
        parts = [one for one in values.values() if one.subvalues]
        whole = [one for one in values.values() if not one.subvalues]
        parts.sort(key=lambda one: any(part in {each.hash for each in parts} for part in one.subvalues))
        backend.record(
            Batch(
                values=[*whole, *parts],
                tasks=list({one.hash: one for one in tasks.values()}.values()),
                keys=list(keys.values()),
                evaluations=[
                    evaluation(key, node.result, node.number) for key, node in zip(made, self.nodes, strict=True)
                ],
                task_sets=[every],
                calls=calls,
            )
        )
        for number, run in enumerate(self.runs):
            self._record_run(backend, execution(f"run {number}", at=number), run, made, calls)
        backend.record(
            Batch(
                tags=[
                    Tag("call", self.hashes[one.number], SIGNER_TAG, json.dumps(signer))
                    for one in self.nodes
                    if one.seed
                ]
            )
        )

    def record_taken(self, backend: Backend, signer: str, every: int) -> None:
        """Record some calls as taken from another signer."""
        taken = self.hashes[::every]
        backend.record(Batch(tags=[Tag("call", call, SIGNER_TAG, json.dumps(signer)) for call in taken]))

    def _record_run(
        self, backend: Backend, run: Execution, numbers: range, keys: list[EvaluationKey], calls: list[CallNode]
    ) -> None:
        backend.record_execution(run)
        parent = {child: node for node in numbers for child in self.nodes[node].children}
        jobs: dict[int, Job] = {}
        for number in reversed(numbers):
            if number % 17 == 5:  # this one came here without its job
                continue
            above = jobs.get(parent.get(number, -1))
            begun = started(f"job {number}", run, keys[number], parent=above, at=number)
            jobs[number] = done(begun, calls[number])
        backend.record(Batch(jobs=list(jobs.values())))
        backend.record_execution(ended(run))

    def executions_of(self, numbers: Iterable[int]) -> set[int]:
        """The executions, by their numbers, that had jobs of some calls."""
        wanted = {number for number in numbers if number % 17 != 5}
        return {at for at, run in enumerate(self.runs) if not wanted.isdisjoint(run)}


def task_of(name: str, watches: bool) -> TaskRecord:
    """A task that awaits what it calls, or one that does not."""
    source = f"@task()\n{'async ' * watches}def {name}(*given):\n    return given\n"
    piece = CodePiece(digest(name), "task", f"sample.{name}", source)
    fullname = f"sample.{name}"
    return TaskRecord(hash_task(fullname, [(piece.kind, piece.name, piece.hash)]), fullname, None, (piece,))
