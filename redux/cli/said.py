"""What people said of records, as the reading commands show it: lines of text, and data."""

from __future__ import annotations

from dataclasses import dataclass

from redux.accepting import acceptances, leading_to
from redux.amendments import Acceptance, Forgotten
from redux.cli.render import short, show_ago
from redux.forgetting import forgotten_of
from redux_backends.backend import Backend
from redux_backends.records import Job, Outcome, Seconds
from redux_valuestore.digest import Digest


@dataclass(frozen=True, slots=True)
class Said:
    """What was said of a record: the acceptances that bear on it, and how it was forgotten."""

    acceptances: tuple[Acceptance, ...] = ()
    forgotten: tuple[Forgotten, ...] = ()


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


def said_of_task(backend: Backend, fullname: str, task_hash: Digest) -> Said:
    """What was accepted of a version of a task."""
    known = acceptances(backend, fullname)
    return Said(tuple(one for one in known if task_hash in (one.new, one.old)))


# -- text ----------------------------------------------------------------------------------------------


def acceptance_line(one: Acceptance, now: Seconds) -> str:
    """An acceptance in a line: `flow.score 5e6f7a8b counts results of 1a2b3c4d: accepted by ada just now: renamed`."""
    done = "revoked" if one.revoked else "accepted"
    holds = "counted" if one.revoked else "counts"
    who = f"{done} by {one.by} {show_ago(one.moment, now)}"
    return f"{one.task} {short(one.new)} {holds} results of {short(one.old)}: {who}" + (
        f": {one.why}" if one.why else ""
    )


def said_lines(said: Said, now: Seconds) -> list[str]:
    """A line for each thing that was said."""
    lines = [f"accepted   {acceptance_line(one, now)}" for one in said.acceptances]
    return lines + [f"forgotten  by {one.by} {show_ago(one.moment, now)}: no run uses it" for one in said.forgotten]


# -- data ----------------------------------------------------------------------------------------------


def acceptance_data(one: Acceptance) -> dict[str, object]:
    """An acceptance as JSON has it."""
    return {
        "task": one.task,
        "new": one.new,
        "old": one.old,
        "by": one.by,
        "why": one.why,
        "changed": one.changed,
        "revoked": one.revoked,
        "moment": one.moment,
    }
