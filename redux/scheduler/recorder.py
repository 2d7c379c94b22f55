"""Record: a unit of work that gathers what happened and writes it in one transaction per group.

Values are in the group before the rows that name them, and large bytes in the store before the group. So a crash at
any point leaves garbage at worst, never a record of something that is not there.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from redux.handle import advanced_version
from redux.redaction import REDACTED
from redux.repo import Repo
from redux.scheduler.claims import Claims
from redux.scheduler.contexts import Contexts
from redux.scheduler.group import Group
from redux.scheduler.heeding import Heeding
from redux.scheduler.inputs import encode_plain
from redux.scheduler.jobs import Datum, Graft, Job, Scope
from redux.scheduler.privacy import Privacy
from redux.scheduler.report import ErrorValue
from redux.scheduler.task_book import TaskBook
from redux.scheduler.task_sets import TaskSets
from redux.scheduler.wholes import Whole
from redux.scheduler.writer import Writer, as_trouble
from redux.secrets import looks_plain
from redux.tags import Tags
from redux.value import Encoded, encode
from redux_backends.records import (
    Argument,
    Batch,
    CallNode,
    Evaluation,
    EvaluationKey,
    Execution,
    ExecutionId,
    HandleVersion,
    JobId,
    JobStatus,
    Rollback,
    Seconds,
    Tag,
    Traits,
    ValueRecord,
    hash_call,
)
from redux_backends.records import Job as JobRecord
from redux_valuestore.digest import Digest
from redux_valuestore.errors import ReduxError

GROUP_SIZE = 1000
GROUP_SECONDS = 0.25
LONG_JOB_SECONDS = 0.1
_SEEN_LIMIT = 200_000


class Recorder:
    """What one execution has to record, until it is recorded.

    Trouble with the database or the store never stops the run: it is kept in `trouble`, once, and recording ends.
    Jobs that no job of it called are recorded below `parent`, where that is given.
    """

    def __init__(
        self, repo: Repo, book: TaskBook, execution: ExecutionId, parent: JobId | None = None,
        root: ExecutionId | None = None,
    ) -> None:  # fmt: skip
        self._repo = repo
        self._book = book
        self._execution = execution
        self._parent = parent
        self._root = root or execution
        self._seen: set[Digest] = set()
        self._tasks: set[Digest] = set()
        self._sets = TaskSets(self._members_of)
        self._last = time.monotonic()
        self._urgent = False
        self._job_tags: dict[Job, dict[tuple[str, str], None]] = {}
        self._contexts = Contexts(repo, execution, self.note_values)
        self._writer = Writer(repo.backend.record, self.give_up)
        self._privacy = Privacy(repo)
        self.claims = Claims()
        self._heeding = Heeding(repo.backend)
        self.trouble: ReduxError | None = None
        self._ended: ReduxError | None = None
        self._group = Group()

    # -- what happened -----------------------------------------------------------------------------

    def asked(self, job: Job) -> None:
        """A job is about to run: note its code, its arguments as they are now, and the evaluation they make."""
        job.asked = True
        if job.silent:
            return
        assert job.eval_hash is not None
        assert job.args_hash is not None
        arguments: list[Argument] = []
        hidden = job.known.task.unhashed_args
        for name, datum in job.arguments:
            # What does not count may have a hash all the same, as the result of another job.
            if datum.hash is not None and not (hidden and name.partition("[")[0] in hidden):
                arguments.append(Argument(name, datum.hash))
            is_secret = looks_plain(job.known.task, name, datum.value)
            if datum.encoded is not None:
                self.keep(datum, is_secret and isinstance(datum.value, (str, bytes)))
            if is_secret and datum.hash is not None:
                self._group.tags += self._privacy.tags(datum.hash)
        task_hash = job.counts_as
        self._note_task(task_hash)
        self._group.keys.append(EvaluationKey(job.eval_hash, task_hash, job.args_hash, tuple(arguments)))

    def heed(self, heeding: Heeding) -> None:
        """Note with each call that was made anew that it is forgotten no more."""
        self._heeding = heeding

    def keep(self, datum: Datum, is_secret: bool = False) -> None:
        """Note a value whose encoding is here, and let the encoding go; what looks like a secret is not shown."""
        encoded = datum.encoded
        if encoded is None:
            return
        if encoded.hash not in self._seen:
            self._attempt(lambda: self._keep(encoded, datum.value, REDACTED if is_secret else None))
        datum.encoded = None

    def _keep(self, encoded: Encoded, value: object, shown: str | None = None) -> None:
        self.note_values(self._repo.keep(encoded, value, shown))
        self._group.tags += self._privacy.of_value(encoded)

    def note_result(self, job: Job, encoded: Encoded, records: Sequence[ValueRecord]) -> None:
        """Note what a job's function returned, whose large bytes are in the store."""
        self.note_values(records)
        self._group.tags += self._privacy.of_result(encoded, records, job.known.task)

    def note_values(self, records: Iterable[ValueRecord]) -> None:
        """Note values whose large bytes are in the store."""
        if len(self._seen) > _SEEN_LIMIT:
            self._seen.clear()
        for record in records:
            if record.hash not in self._seen:
                self._seen.add(record.hash)
                self._group.values.append(record)
                if record.handles:
                    # One that was merged comes from no call, so nobody else records it.
                    self._group.handles += [version for version in record.handles if len(version.parents) > 1]

    def advanced(self, job: Job, records: Sequence[ValueRecord]) -> None:
        """A job ran that was given handles or returned some: note the versions that its call made."""
        assert job.eval_hash is not None
        self._group.handles += [fork.after(job.eval_hash) for fork in job.forks]
        for version in {version: None for record in records for version in record.handles}:
            if len(version.parents) == 1 and version.hash == advanced_version(version.parents[0], job.eval_hash):
                self._group.handles.append(version)

    def claim(self, line: Digest) -> ExecutionId | None:
        """Have a line of handles for this execution alone, or for the root one that waits for it.

        Gives the execution that has it, if another does. Raises ReduxError.
        """
        if self._ended is not None:
            raise self._ended
        return self._repo.backend.claim_line(line, self._root)

    def rolled_back(self, versions: Collection[Digest]) -> frozenset[Digest]:
        """Those of these versions that are not valid, once all that was noted so far is written. Raises ReduxError."""
        self._write_through(self._take())
        return frozenset(versions) - self._repo.backend.valid_handles(versions)

    def roll_back(self, rollbacks: Sequence[Rollback], versions: Sequence[HandleVersion]) -> None:
        """Make versions invalid, and others known, before this returns. Raises ReduxError where that failed."""
        self._write_through(Batch(rollbacks=rollbacks, handles=versions))

    def _write_through(self, batch: Batch) -> None:
        self._writer.write_through(batch)
        self._last = time.monotonic()

    def let_others_run(self, jobs: Iterable[Job]) -> None:
        """These jobs will not run: have their claims end at once, though others of them go on for long."""
        for job in jobs:
            self.claims.end(job.eval_hash)
        if self.claims.over:
            self.flush()

    def forget(self, digest: Digest) -> None:
        """A value's bytes are gone: when it is made again it is to be recorded again."""
        self._seen.discard(digest)

    def reduced(self, job: Job, result: Digest, duration: Seconds) -> None:
        """A job ran: note the result of its reduction."""
        if job.silent:
            return
        assert job.eval_hash is not None
        self._group.evaluations.append(Evaluation(job.eval_hash, result, duration, job.ended))
        self._urgent = self._urgent or duration > LONG_JOB_SECONDS

    def settled(self, job: Job) -> None:
        """A job has its final result: note its call, unless it is known, and its end."""
        datum = job.datum
        assert datum is not None
        self.keep(datum)
        if job.silent:
            self._sets.of(job)
            return
        if job.call_hash is None and datum.hash is not None:
            self._note_call(job, datum.hash)
        self._note_end(job)

    def failed(self, job: Job, error: ErrorValue) -> None:
        """A job failed, itself or below it: the error is the result of its call, unless it lacked an argument."""
        if job.silent:
            self._sets.of(job)
            return
        if job.eval_hash is not None and not job.asked:
            self.asked(job)
        if job.args_hash is not None and job.call_hash is None:
            encoded = encode(error)
            encoded = replace(encoded, traits=encoded.traits | Traits.ERROR)
            self._attempt(lambda: self._keep(encoded, error))
            self._note_call(job, encoded.hash)
        self._note_end(job)

    def cancelled(self, job: Job) -> None:
        """A job was given up before its end."""
        if not job.silent:
            self._note_end(job)

    def started(self, job: Job) -> None:
        """A job goes on for long: note that it runs, for others to see."""
        if not job.recorded and not job.silent:
            self._ensure_started(job)
            self._urgent = True

    def announce(self, job: Job) -> None:
        """Have it written that a job runs before this returns: another process will record jobs below it."""
        if job.silent or self.trouble is not None:
            return
        self._ensure_started(job)
        with suppress(ReduxError):  # the writer has told it
            self._writer.write_through(self._take())

    def abandon(self, job: Job) -> None:
        """A sub-scheduler is gone with its worker: note that what it had running below its job runs no more.

        What it came to nobody knows; so whoever recovers from this is asked again.
        """
        job.scope = Scope(job, job.context)
        job.scope.grafts.append(Graft(None, None, Whole.NEVER))
        if not job.silent:
            self._attempt(lambda: self._note_cancelled_below(job))

    def _note_cancelled_below(self, job: Job) -> None:
        waiting, now = [job.id], time.time()
        while waiting:
            for view in self._repo.backend.jobs(parent=waiting.pop(), status=JobStatus.RUNNING, limit=sys.maxsize):
                waiting.append(view.job.id)
                self._group.jobs.append(replace(view.job, status=JobStatus.CANCELLED, ended=now))

    # -- tags --------------------------------------------------------------------------------------

    def begin_within(self, context: Mapping[str, object]) -> None:
        """Record in which context the execution is, before this returns: schedulers below ask for it."""

        def write() -> None:
            self._group.tags += self._contexts.begin(context)
            self._write_through(self._take())

        if context:
            self._attempt(write)

    def go_on_within(self, context: Mapping[str, object]) -> None:
        """Note in which context this goes on with an execution that others began."""
        self._attempt(lambda: self._contexts.go_on(context))

    def tag_execution(self, tags: Tags) -> None:
        """Note tags of the execution itself."""
        self._group.tags += [Tag("execution", self._execution, key, value) for key, value in tags]

    def tag_value(self, datum: Datum, tags: Tags) -> None:
        """Note tags of a value, and the value where nobody did. Raises what encoding it raises."""
        if datum.hash is None:
            encode_plain(datum, "the value that is tagged")
        self.keep(datum)
        assert datum.hash is not None
        self._group.tags += [Tag("value", datum.hash, key, value) for key, value in tags]

    def tag_job(self, job: Job, tags: Tags) -> None:
        """Note tags of a job; they are written with its end, since a tag needs what it is on."""
        if tags:
            self._job_tags.setdefault(job, {}).update(dict.fromkeys(tags))

    # -- rows --------------------------------------------------------------------------------------

    def _note_task(self, task_hash: Digest) -> None:
        if task_hash in self._tasks or not self._book.has(task_hash):  # an older version is recorded already
            return
        self._tasks.add(task_hash)
        self._group.new_tasks.append(task_hash)
        record = self._book.record_of(task_hash)
        for key, value in self._book.find(record.fullname).task.declared.tags:
            self._group.tags.append(Tag("task", task_hash, key, json.dumps(value, sort_keys=True)))

    def _note_call(self, job: Job, result: Digest) -> None:
        assert job.eval_hash is not None
        assert job.args_hash is not None
        made = job.scope.calls if job.scope is not None else ()
        children = tuple([child.call_hash for child in made if child.call_hash is not None]) if made else ()
        job.call_hash = hash_call(job.counts_as, job.args_hash, result, children)
        task_set = self._sets.of_record(job)
        self._group.calls.append(
            CallNode(
                job.call_hash,
                job.eval_hash,
                result,
                children,
                task_set,
                job.seconds,
                job.ended,
                tuple(job.upstreams),
            )
        )

    def _members_of(self, task_set: Digest) -> frozenset[Digest]:
        found: dict[Digest, frozenset[Digest]] = {}
        self._attempt(lambda: found.update(self._repo.backend.get_task_sets((task_set,))))
        return found.get(task_set, frozenset())

    def _note_end(self, job: Job) -> None:
        if self.claims and job.settled:  # not one that will be tried again
            self.claims.end(job.own_eval_hash)
        parent = job.parent.job
        if parent is not None and not parent.recorded:
            self._ensure_started(parent)
        self._note_task(job.known.task_hash)
        if job.call_hash is not None and self._heeding.forgets:
            self._group.tags += self._heeding.made_again(job.call_hash)
        (self._group.jobs if job.recorded else self._group.new_jobs).append(self._row(job))
        job.recorded = True
        if job.context_hash or self._contexts.here:
            self._attempt(lambda: self._group.tags.extend(self._contexts.of_job(job)))
        if self._job_tags:
            self._group.tags += [Tag("job", job.id, key, value) for key, value in self._job_tags.pop(job, ())]

    def _ensure_started(self, job: Job | None) -> None:
        line: list[Job] = []
        while job is not None and not job.recorded:
            line.append(job)
            job = job.parent.job
        for each in reversed(line):
            each.recorded = True
            self._note_task(each.known.task_hash)
            self._group.new_jobs.append(self._row(each))

    def _row(self, job: Job) -> JobRecord:
        parent = job.parent.job
        running = job.status is JobStatus.RUNNING
        return JobRecord(
            job.id,
            self._execution,
            self._parent if parent is None else parent.id,
            job.known.task_hash,
            job.eval_hash,
            job.status,
            job.outcome,
            job.started,
            None if running else job.ended,
            job.call_hash,
            job.reason,
            job.place,
        )

    # -- writing -----------------------------------------------------------------------------------

    def record_execution(self, execution: Execution) -> None:
        """Record how the execution stands."""
        self._attempt(lambda: self._repo.backend.record_execution(execution))
        if execution.ended is not None:
            self._try(lambda: self._repo.backend.release_lines(execution.id))
            self._try(lambda: self._repo.backend.release_evaluations(execution.id))

    def renew_lease(self) -> None:
        """Say that the execution still runs."""
        self._attempt(lambda: self._repo.backend.renew_lease(self._execution))

    def give_up(self, error: ReduxError) -> None:
        """Record nothing more: the database or the store is in trouble. The first trouble is the one reported."""
        self.trouble = self.trouble or error

    def end(self, why: ReduxError) -> None:
        """Nothing more is recorded, nor claimed, from when this returns. Safe from any thread."""
        self.give_up(why)
        self._ended = why
        self._writer.end(why)

    def flush_when_due(self) -> None:
        """Write the group if it is large, old, or holds the end of a long job."""
        gathered = self._group.weight or self.claims.over
        if gathered and (self._urgent or gathered >= GROUP_SIZE or time.monotonic() - self._last >= GROUP_SECONDS):
            self.flush()

    def flush(self) -> None:
        """Have all that was gathered written, in one transaction."""
        over = self.claims.take_over()
        self._writer.put(self._take(), (lambda: self._release(over)) if over else None)
        self._last = time.monotonic()

    def _release(self, evals: Sequence[Digest]) -> None:
        self._attempt(lambda: self._repo.backend.release_evaluations(self._execution, evals))

    def finish(self) -> None:
        """Write all that was gathered, and return when everything is written."""
        self._writer.finish(self._take())

    def _take(self) -> Batch:
        new_sets = self._sets.take_new()
        for task_hash in {digest: None for one in new_sets for digest in one.tasks}:
            if self._book.has(task_hash):
                self._note_task(task_hash)
        group, self._group = self._group, Group()
        self._urgent = False
        return group.as_batch([self._book.record_of(digest) for digest in group.new_tasks], new_sets)

    def _attempt(self, write: Callable[[], None]) -> None:
        if self.trouble is None:
            self._try(write)

    def _try(self, write: Callable[[], None]) -> None:
        try:
            write()
        except Exception as error:  # whatever it is, it must not cost the result
            self.give_up(as_trouble(error))
