"""What people said of records, as the reading commands show it: lines of text, and data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from redux.amending.accepting import acceptances, leading_to
from redux.amending.forgetting import forgotten_of
from redux.amendments import Acceptance, Forgotten
from redux.cli.render import printable
from redux.words.jobs import short
from redux.words.measures import show_ago, show_count
from redux_backends.backend import AcceptedJobs, Backend
from redux_backends.records import ExecutionId, Job, Outcome, Seconds
from redux_valuestore.digest import Digest


@dataclass(frozen=True, slots=True)
class Said:
    """What was said of a record: the acceptances that bear on it, and how it was forgotten."""

    acceptances: tuple[Acceptance, ...] = ()
    forgotten: tuple[Forgotten, ...] = ()
    jobs: tuple[AcceptedJobs, ...] = ()
    """of an execution: which took results of older code"""


NOTHING_SAID = Said()


def said_of_job(backend: Backend, job: Job) -> Said:
    """Through which acceptances a job came by its result, and whether that is forgotten now."""
    forgotten = forgotten_of(backend, [job.call_hash or job.id])
    found = tuple(one for each in forgotten.values() for one in each)
    return Said(tuple(_taken_through(backend, job)), found)


def _taken_through(backend: Backend, job: Job) -> list[Acceptance]:
    asked = backend.evaluations_of((), (job.id,)).get(job.id)
    other = asked is not None and asked.task_hash != job.task_hash
    if asked is None or not (other or job.outcome is Outcome.ACCEPTED):
        return []
    known = acceptances(backend)
    if other:
        return leading_to(known, job.task_hash, asked.task_hash)
    call = None if job.call_hash is None else backend.get_call(job.call_hash)
    members = frozenset[Digest]() if call is None else backend.get_task_sets((call.task_set,)).get(call.task_set, ())
    return [one for one in known if one.old in members]


def said_of_call(backend: Backend, call: Digest, task_hash: Digest) -> Said:
    """Whether a call is forgotten, and for which versions of its task it counts besides its own."""
    forgotten = forgotten_of(backend, [call]).get(call, ())
    return Said(tuple(one for one in acceptances(backend) if one.old == task_hash), tuple(forgotten))


def said_of_execution(backend: Backend, execution: ExecutionId) -> Said:
    """Through which acceptances an execution's jobs came by their results, and how many did."""
    known = acceptances(backend)
    jobs = tuple(backend.accepted_in(execution)) if known else ()
    through = [one for each in jobs for one in leading_to(known, each.task_hash, each.given_by)]
    return Said(tuple(dict.fromkeys(through)), (), jobs)


def said_of_task(backend: Backend, fullname: str, task_hash: Digest) -> Said:
    """What was accepted of a version of a task."""
    known = acceptances(backend, fullname)
    return Said(tuple(one for one in known if task_hash in (one.new, one.old)))


# -- text ----------------------------------------------------------------------------------------------


def acceptance_line(one: Acceptance, now: Seconds) -> str:
    """An acceptance in a line: `flow.score 5e6f7a8b counts results of 1a2b3c4d: accepted by ada just now: renamed`."""
    done = "revoked" if one.revoked else "accepted"
    holds = "counted" if one.revoked else "counts"
    what = f"{printable(one.task)} {short(one.new)} {holds} results of {short(one.old)}"
    why = f": {printable(one.why)}" if one.why else ""
    return f"{what}: {done} by {printable(one.by)} {show_ago(one.moment, now)}{why}"


def said_lines(said: Said, now: Seconds) -> list[str]:
    """A line for each thing that was said."""
    lines = [f"accepted   {acceptance_line(one, now)}" for one in said.acceptances]
    if said.jobs:
        lines.append(f"{'':11}{accepted_words(said.jobs)}")
    for one in said.forgotten:
        lines.append(f"forgotten  by {printable(one.by)} {show_ago(one.moment, now)}: no run uses it")
    return lines


def accepted_words(jobs: Sequence[AcceptedJobs]) -> str:
    """How many jobs took results of older code, by task."""
    counted = Counter[str]()
    for one in jobs:
        counted[one.fullname] += one.count
    named = ", ".join(f"{printable(name)} ×{count:,}" for name, count in counted.items())
    return f"{show_count(counted.total(), 'job')} took results of older code: {named}"
