"""`redux cache push`: what the outbox holds, or whole executions, into the shared cache."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from redux.cli.cache_place import Place, executions_made_here, recorded_repo, refuse_to_send, shared_place
from redux.cli.interrupted import says_if_interrupted
from redux.cli.output import show, tell
from redux.cli.passing_line import passing_line
from redux.cli.render import to_json
from redux.cli.surroundings import Where, json_option, where_options
from redux.errors import UsageError
from redux.words.measures import show_count, show_size

if TYPE_CHECKING:
    from redux.repo import Repo
    from redux.shared.outbox import Waiting
    from redux.shared.sending import Sender, Sent
    from redux_backends.records import ExecutionId


@click.command(short_help="Send what waits in the outbox, or whole executions.")
@click.argument("executions", nargs=-1, metavar="[EXECUTION]…")
@click.option("--all", "everything", is_flag=True, help="All executions that were made here.")
@json_option
@where_options
def push(executions: Sequence[str], everything: bool, as_json: bool, **places: str | None) -> int:
    """Send to the shared cache what runs made and could not send; or all results of each EXECUTION.

    - is the newest execution made here. What is there already is not sent again, and what was stopped goes on from
    there. Results that came from somebody else, by an archive too, are not sent on.
    \f
    Raises UsageError.
    """
    if executions and everything:
        raise UsageError("--all means every execution; name none beside it")
    with shared_place(Where(**places)) as place:  # pyright: ignore[reportArgumentType] - as declared
        refuse_to_send(place)
        with recorded_repo(place) as repo:
            sent, left = _push(place, repo, executions, everything)
            named = bool(executions) or everything
            idle = bool(executions) and not sent.packs and not _anything_ran(repo, executions)
            own = not everything or bool(executions_made_here(repo, 1))
            more = not (named or as_json or left or sent.packs) and _has_more(place, repo)
    if as_json:
        show(to_json("cache-push", {"url": place.shown, **_as_data(sent), "waiting": left}))
    else:
        show(_summary(place, sent, idle, own) if named or sent.packs or sent.values else _nothing(left, more))
        if left:
            tell(f"{show_count(left, 'execution')} in the outbox still go on, or are being sent by others")
    return 0


def _push(place: Place, repo: Repo, executions: Sequence[str], everything: bool) -> tuple[Sent, int]:
    from redux.shared.cache import sent_so_far
    from redux.shared.sending import Sender

    place.parts.bucket.look_now()
    sender = Sender(place.parts.bucket, repo, place.parts.values, place.parts.key)
    with (
        passing_line() as tell_line,
        says_if_interrupted(lambda: f"{sender.sent.calls:,} calls are there, and the same command goes on from there"),
    ):
        for execution in _named(repo, executions, everything):
            sender.send(execution, everything=True, tell=lambda sent: tell_line(sent_so_far(sent)))
        left = 0 if executions or everything else _empty(place, repo, sender, lambda sent: tell_line(sent_so_far(sent)))
    return sender.sent, left


def _named(repo: Repo, words: Sequence[str], everything: bool) -> list[ExecutionId]:
    from redux.cli.naming import record_named
    from redux.errors import UnknownId
    from redux_backends.records import ExecutionId

    if everything:
        return [each.id for each in reversed(executions_made_here(repo, _ALL))]
    found: list[ExecutionId] = []
    for word in words:
        if word == "-" and (newest := executions_made_here(repo, 1)):
            found.append(newest[0].id)
            continue
        record = record_named(repo.backend, word)
        if record is None or record.kind != "execution":
            raise UnknownId(f"{word!r} names no execution here; `redux log` lists them", word)
        found.append(ExecutionId(record.id))
    return found


_ALL = 1 << 40


def _empty(place: Place, repo: Repo, sender: Sender, tell_sent: Callable[[Sent], None]) -> int:
    """Send what is in the outbox; how many executions stay there. Raises what the first that failed raised."""
    from redux.shared.draining import Drain
    from redux_backends.urls import without_password

    outbox, failed = place.parts.outbox, list[Exception]()

    def drop(waiting: Waiting) -> None:
        tell(f"redux: {waiting.dropped_words}")

    for waiting in outbox.waiting():
        if waiting.is_lost:
            outbox.remove(waiting.execution)
            drop(waiting)
    here = without_password(place.settings.database)
    Drain(sender, outbox, repo.backend, here, drop, lambda execution, error: failed.append(error), tell=tell_sent).run()
    if failed:
        raise failed[0]
    return len(outbox.waiting())


def _nothing(left: int, more: bool) -> str:
    """What is said where nothing was named, and the outbox had nothing that could be sent now."""
    if left:
        return "nothing was sent"
    return "nothing waits in the outbox" + ("; `redux cache push --all` sends what is recorded here" if more else "")


def _has_more(place: Place, repo: Repo) -> bool:
    """Whether the latest executions here have calls that could be sent."""
    from redux.cli.cache_status import LATEST
    from redux.shared.sending import Sender

    sender = Sender(place.parts.bucket, repo, place.parts.values, place.parts.key)
    return any(sender.would_send(each.id) for each in executions_made_here(repo, LATEST))


def _anything_ran(repo: Repo, words: Sequence[str]) -> bool:
    from redux.shared.harvest import anything_ran

    return any(anything_ran(repo.backend, execution) for execution in _named(repo, words, everything=False))


def _summary(place: Place, sent: Sent, idle: bool, own: bool) -> str:
    if idle:
        return "this ran nothing, so others cannot pull it by its id; what it found is there, or for others to send"
    if not own:
        return "nothing to send: no execution was made here, and what came from elsewhere is not sent on"
    stay = "stays here, since it" if sent.held == 1 else "stay here, since they"
    rest = "rests" if sent.held == 1 else "rest"
    held = f"; {show_count(sent.held, 'call')} {stay} came from elsewhere or {rest} on that" if sent.held else ""
    if not sent.packs and not sent.values:
        return f"nothing to send{held}" if held else f"{place.shown} has all of it already"
    large = f", {show_count(sent.values, 'large value')}" if sent.values else ""
    packs = show_count(sent.packs, "pack")
    return f"sent to {place.shown}: {show_count(sent.calls, 'call')} in {packs} ({show_size(sent.bytes)}{large}){held}"


def _as_data(sent: Sent) -> dict[str, int]:
    return {
        "calls": sent.calls,
        "packs": sent.packs,
        "large_values": sent.values,
        "bytes": sent.bytes,
        "held_back": sent.held,
    }
