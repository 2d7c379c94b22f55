"""`redux cache disown`: a signer is believed no longer, and all that came of their calls is listed and forgotten."""

from __future__ import annotations

import math
import os
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from redux.cli.disown_text import downstream_data, downstream_text
from redux.cli.main import DIFFERS
from redux.cli.moments import read_moment
from redux.cli.output import show, tell
from redux.cli.render import to_json
from redux.cli.storage import open_to_read
from redux.cli.surroundings import Where, where_options
from redux.default_tags import user_name
from redux.errors import ProjectMissing, UsageError
from redux.settings.precedence import user_file
from redux.words.measures import show_count, show_moment
from redux_backends.records import Seconds

if TYPE_CHECKING:
    from redux.repo import Repo
    from redux.trust.list_edits import ListFile
    from redux.trust.signers import Signer


@dataclass(frozen=True, slots=True)
class _Wish:
    """What is wanted: of whom, by key `id` and `name` (None: nobody here knows them), and the flags as given."""

    id: str
    name: str | None
    since: Seconds | None
    undo: bool
    dry_run: bool
    as_json: bool

    @property
    def whose(self) -> str:
        """How people call the signer."""
        return self.id if self.name is None else f"{self.name} ({self.id})"

    @property
    def taken(self) -> str:
        """What is said of what came from them."""
        from redux.trust.signers import UNSIGNED_NAME

        return "taken unsigned" if self.id == UNSIGNED_NAME else f"taken from {self.whose}"


@click.command(short_help="Distrust a signer, and all that came of theirs.")
@click.option("--signer", required=True, metavar="NAME|KEY", help="Whom: a name or key id of `redux trust list`.")
@click.option("--since", metavar="T", help="Only what they signed, and was taken, from then on; as 3d or 2026-11-20.")
@click.option("--undo", is_flag=True, help="Believe them again, and have what was forgotten count again.")
@click.option("--dry-run", is_flag=True, help="List it, change nothing; exit 3 if there is something.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON, with every call.")
@where_options
def disown(signer: str, since: str | None, undo: bool, dry_run: bool, as_json: bool, **places: str | None) -> int:
    """Believe a signer no longer, list all that came of what was taken from them, and have it run again when asked for.

    What came of it is followed through arguments, equal values and files to every call and execution that it reached,
    in this project: say it in each that shares the cache. Without --since all of theirs is distrusted; with it, whoever
    has stolen their key may date back what they sign.
    """
    from redux.trust.trouble import TrustRefused

    moment = _moment(since, undo)
    known = _known(signer, undo)
    wish = _Wish(_id_of(signer, known), None if known is None else known.name, moment, undo, dry_run, as_json)
    where = Where(**places)  # pyright: ignore[reportArgumentType] - as where_options declares
    if known is None or dry_run:
        return _look_in(where, wish)
    try:
        _mark(known, wish)
    except TrustRefused as error:
        with suppress(ProjectMissing):
            _look_in(where, replace(wish, dry_run=True))
        error.add_note("nothing is forgotten or counts again as long as that file does not say it")
        raise
    try:
        return _look_in(where, wish)
    except ProjectMissing:
        tell("there is no .redux here; say it again in each project that took something from them")
        return 0


def _moment(since: str | None, undo: bool) -> Seconds | None:
    """The moment of --since, if it is given. Raises UsageError."""
    if undo and since is not None:
        raise UsageError("--undo takes back all of it, so --since has nothing to say")
    now = time.time()
    moment = None if since is None else read_moment("--since", since, now)
    if moment is not None and moment > now:
        raise UsageError(f"--since {since!r} is yet to come, and until then they would be believed")
    return moment


# -- whom --------------------------------------------------------------------------------------------


def _known(word: str, undo: bool) -> Signer | None:
    """The signer in the trust list that a word means, or oneself; None for a key id that nobody here knows.

    Raises UsageError.
    """
    from redux.trust.list_edits import is_key_id, known_signer, named, open_list
    from redux.trust.signers import OWN_NAME, UNSIGNED_NAME, read_trust

    if word == UNSIGNED_NAME:
        return None
    file = open_list(_list_path())
    trust = read_trust(os.environ, user_file())
    own = None if trust.own is None else trust.find(trust.own)
    if own is not None and word == OWN_NAME and not undo:  # an older key of one's own may be in the list under it
        return own
    found = named([*file.signers, *([own] if own is not None else [])], word)
    return found if found is not None or is_key_id(word) else known_signer(file, word)


def _list_path() -> Path:
    from redux.trust.signers import list_file

    path = list_file(os.environ, user_file())
    assert path is not None
    return path


def _id_of(word: str, known: Signer | None) -> str:
    return known.id if known is not None else word.lower()


def _mark(signer: Signer, wish: _Wish) -> None:
    """Have the trust list say that somebody is disowned, or no longer; tell what it says then. Raises TrustRefused."""
    from redux.trust.list_edits import believe_again, changing_list, disown_signer, open_list

    path = _list_path()
    changes = _differs(_in_list(open_list(path), signer), wish)
    if changes:
        with changing_list(path) as file:
            now = _in_list(file, signer)
            if wish.undo and now is not None:
                believe_again(file, now)
            elif not wish.undo:
                disown_signer(file, now or signer, min(_since(now), wish.since or 0.0))
    if not wish.as_json:
        tell(f"redux: {wish.whose} {_standing(signer, path, again=changes)}")


def _in_list(file: ListFile, signer: Signer) -> Signer | None:
    return next((one for one in file.signers if one.key == signer.key), None)


def _since(now: Signer | None) -> Seconds:
    """From when on somebody is disowned who stands so in the list; without end where they are not."""
    return math.inf if now is None or now.disowned_since is None else now.disowned_since


def _differs(now: Signer | None, wish: _Wish) -> bool:
    """Whether the list is to be changed: one that says it already may be in other hands."""
    return _since(now) < math.inf if wish.undo else (wish.since or 0.0) < _since(now)


def _standing(signer: Signer, path: Path, *, again: bool) -> str:
    """How somebody stands by what the list at a path says now; `again` where it said otherwise before."""
    from redux.trust.signers import read_trust

    known = read_trust(os.environ, user_file()).find(signer.key)
    if known is None:
        return f"is not in {path} any more, so it is nobody's whom you believe"
    if known.disowned_since is None:
        return f"is {'believed again' if again else 'not disowned'}, as {path} says"
    from_then = f" from {show_moment(known.disowned_since)} on" if known.disowned_since else ""
    return f"is not believed any more{from_then}, as {path} says"


# -- what came of it ---------------------------------------------------------------------------------


def _look_in(where: Where, wish: _Wish) -> int:
    repo = open_to_read(where)
    try:
        return _look(repo, wish)
    finally:
        repo.close()


def _look(repo: Repo, wish: _Wish) -> int:
    from redux.amending.disowning import (
        downstream_of,
        forget_downstream,
        forgotten_for,
        how_many,
        remember_downstream,
    )
    from redux.trust.signers import UNSIGNED_NAME

    backend = repo.backend
    found = downstream_of(backend, wish.id, wish.since)
    if wish.name is None and not found.calls and wish.id != UNSIGNED_NAME:
        raise UsageError(
            f"nobody in the trust list is {wish.id}, and nothing here was taken from them; "
            "`redux trust list` shows who there is"
        )
    meant = how_many(forgotten_for(backend, found) if wish.undo else found.standing)
    if not wish.dry_run and wish.undo:
        remember_downstream(backend, found)
    elif not wish.dry_run:
        forget_downstream(backend, found, user_name())
    if wish.as_json:
        flags = {"since": wish.since, "undo": wish.undo, "dry_run": wish.dry_run}
        signer = {"id": wish.id, "name": wish.name}
        show(to_json("disown", {"signer": signer, **flags, **downstream_data(found), "changed": meant}))
    else:
        show(downstream_text(found, wish.taken))
        tell(f"redux: {_outcome(wish, meant, bool(found.calls))}")
    return DIFFERS if wish.dry_run and meant else 0


def _outcome(wish: _Wish, meant: int, anything: bool) -> str:
    """What was done, or would be, in a line."""
    calls = show_count(meant, "call")
    if not anything:
        return "nothing of theirs is used here"
    if wish.undo:
        return f"{calls} would count again" if wish.dry_run else f"{calls} count again"
    if not meant:
        return "all of it is forgotten already, or was made again since"
    if wish.dry_run:
        return f"{calls} would be forgotten, and run again when they are next asked for"
    back = f"redux cache disown --undo --signer {wish.name or wish.id}"
    return f"{calls} are forgotten, and run again when they are next asked for; `{back}` takes that back"
