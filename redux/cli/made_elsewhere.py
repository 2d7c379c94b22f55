"""Who made a call that came from a shared cache: as data, and in words."""

from __future__ import annotations

import os
from dataclasses import dataclass

from redux.border import CACHE_TAG
from redux.cli.render import dim, printable
from redux.errors import ReduxError
from redux.settings.precedence import user_file
from redux.shared.layout import UNSIGNED, signer_of
from redux.tags import parse_tag_value
from redux.words.jobs import cut, short, show_command
from redux.words.measures import show_ago
from redux_backends.backend import Backend
from redux_backends.records import Execution, JobStatus, Seconds
from redux_valuestore.digest import Digest

_TOLD = ("git_commit", "git_origin_url", "redux.version")


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Who made a call elsewhere: in which `execution`, of which code (the tags in `told`), signed by whom.

    `signer` is the id of the key, or `unsigned`; `name` is what the list of trusted keys calls its owner. `cache` is
    where it was taken from.
    """

    signer: str
    name: str | None
    cache: str | None
    execution: Execution | None
    told: tuple[tuple[str, object], ...]


def made_elsewhere(backend: Backend, call: Digest | None) -> Elsewhere | None:
    """Who made a call that came from a shared cache; None for one that was made here."""
    if call is None:
        return None
    signers = map(signer_of, backend.get_tags([call]).get(call, ()))
    signer = next((one for one in signers if one is not None), None)
    if signer is None:
        return None
    execution = next((one for one in _makers(backend, call)), None)
    tags = () if execution is None else backend.get_tags([execution.id]).get(execution.id, ())
    said = {tag.key: parse_tag_value(tag.value) for tag in tags if tag.value is not None}
    cache = said.get(CACHE_TAG)
    told = tuple((key, said[key]) for key in _TOLD if key in said)
    return Elsewhere(signer, _name_of(signer), None if cache is None else str(cache), execution, told)


def _makers(backend: Backend, call: Digest) -> list[Execution]:
    """The executions that ran a call, the first one first."""
    jobs = [view.job for view in backend.jobs(call=call, status=JobStatus.DONE, limit=20)]
    found = [backend.get_execution(job.execution) for job in sorted(jobs, key=lambda job: job.started)]
    return [one for one in found if one is not None]


def _name_of(signer: str) -> str | None:
    from redux.trust.signers import read_trust

    try:
        called = read_trust(os.environ, user_file()).called(signer)
    except ReduxError:  # whoever uses it is told
        return None
    return None if called == signer else called


def _by(made: Elsewhere) -> str:
    return f"a key ({made.signer})" if made.name is None else f"{made.name}, key {made.signer}"


def elsewhere_lines(made: Elsewhere | None, now: Seconds, width: int) -> list[str]:
    """Who made it, when, from what code and by whose word; nothing for what was made here."""
    if made is None:
        return []
    lines: list[str] = []
    one = made.execution
    if one is not None:
        who = f"{one.user} on {one.lease.host}" if one.user and one.lease.host else one.user or one.lease.host or "?"
        line = f"made by    {printable(who)} {show_ago(one.started, now)}, in execution {short(one.id)}: "
        lines.append(line + cut(show_command(one), max(width - len(line), 20)))
    told = dict(made.told)
    of = [f"from commit {str(told['git_commit'])[:12]}"] if "git_commit" in told else []
    of += [f"of {told['git_origin_url']}"] if "git_origin_url" in told else []
    of += [f"with redux {told['redux.version']}"] if "redux.version" in told else []
    if of:
        lines.append(dim(printable(f"           {', '.join(of)}")))
    signed = "nobody signed it" if made.signer == UNSIGNED else f"signed by {_by(made)}"
    taken = f", taken from {made.cache}" if made.cache else ""
    lines.append(dim(printable(f"           {signed}{taken}")))
    return lines
