"""`redux trust`: one's own key, whose records are believed, and other people's folders whose settings count."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from redux.cli.output import show, tell
from redux.cli.render import to_json
from redux.cli.surroundings import Where, find_sources, json_option
from redux.cli.trust_dir import directory
from redux.errors import ReduxError, UsageError
from redux.settings.precedence import user_file

if TYPE_CHECKING:
    from redux.trust.keys import PublicKey, SigningKey
    from redux.trust.own_key import Aside
    from redux.trust.signers import Signer, TrustList


@click.group(no_args_is_help=False)
def trust() -> None:
    """Say whose results of a shared cache are believed: by their keys, in a list that is only yours."""


# -- one's own key -----------------------------------------------------------------------------------


@trust.command(short_help="Make a key to sign with.")
@click.option("--name", metavar="NAME", help="How others may call you; by default the name of your account.")
@click.option("--force", is_flag=True, help="Even if there is a key: it is kept aside, and no longer signed with.")
@click.option("--output", type=click.Path(path_type=Path), metavar="FILE", help="A key for a machine, in a new FILE.")
def keygen(name: str | None, force: bool, output: Path | None) -> int:
    """Make a key of your own to sign with, and print the public line of it, which the others add.

    The secret key stays where only you can read it. Give the others the line that is printed, by a way on which nobody
    can change it. A key for CI is made by --output: what FILE says goes into its REDUX_SIGNING_KEY, and your own key
    stays as it is.
    \f
    Raises UsageError.
    """
    called = _name_to_give(name)
    if output is not None:
        if force:
            raise UsageError("--force is for your own key; with --output name a file that is not there yet")
        if str(output) == "-":
            raise UsageError("a secret key is not printed; name a file for it with --output")
        _make_key_at(output, name or "NAME")
    else:
        _make_own_key(called, force)
    return 0


def _make_key_at(path: Path, called: str) -> None:
    from redux.trust.keys import key_id, public_text
    from redux.trust.own_key import KEY_VARIABLE, make_key_at

    key = make_key_at(path)
    line = public_text(key.public)
    tell(
        f"made the key {key_id(key.public)}, in {path}, which nobody else may see: what it says is for "
        f"{KEY_VARIABLE} of who signs with it; the others say: redux trust add {line} --name {called}"
    )
    show(line)


def _make_own_key(called: str, force: bool) -> None:
    from redux.trust.keys import key_id, public_text
    from redux.trust.own_key import KEY_VARIABLE, make_key, own_key_file, put_aside

    own = user_file()
    aside = put_aside(own) if force else None
    key = make_key(own)
    line = public_text(key.public)
    if aside is not None:
        tell(_about(aside))
    tell(
        f"made the key {key_id(key.public)}, in {own_key_file(own)}, which nobody else may see; "
        f"the others say: redux trust add {line} --name {called}"
    )
    if os.environ.get(KEY_VARIABLE):
        tell(f"{KEY_VARIABLE} is set, and what it names is signed with here, not this key")
    elif aside is None and _has_unsent_records():
        tell("`redux cache push --all` sends what is recorded here already")
    show(line)


def _about(aside: Aside) -> str:
    from redux.trust.keys import public_text

    if aside.public is None:
        return f"what was in its place is now {aside.path}: it was no key that can be used"
    again = f"redux trust add {public_text(aside.public)} --name NAME"
    return f"the key so far is now {aside.path}; `{again}` has what it signed believed further"


def _has_unsent_records() -> bool:
    """Whether the project here has records, and a shared cache to which it sends."""
    from redux.cli.cache_place import has_records
    from redux.settings.precedence import read_settings

    with suppress(ReduxError):  # of settings that cannot be read others tell
        settings = read_settings(find_sources(Where(None, None, None)))
        shared = settings.shared
        return shared.url is not None and shared.mode in ("read-write", "write-only") and has_records(settings.database)
    return False


def _name_to_give(said: str | None) -> str:
    """What the others may call one. Raises UsageError."""
    from redux.default_tags import user_name
    from redux.trust.signers import NAME

    if said is not None and not NAME.fullmatch(said):
        raise UsageError(f"{said!r} is no name of a signer: letters, digits, - and _ make one")
    called = said or user_name()
    return called if NAME.fullmatch(called) else "NAME"


@trust.command("show", short_help="Print the public line of your key.")
@json_option
def show_key(as_json: bool) -> int:
    """Print the public line of the key that is signed with here, for others to add."""
    from redux.trust.keys import key_id, public_text
    from redux.trust.own_key import signing_key

    key = signing_key(os.environ, user_file())
    if as_json:
        told = None if key is None else {"key": public_text(key.public), "id": key_id(key.public)}
        show(to_json("key", {"own": told}))
    else:
        show(public_text(_there(key).public))
    return 0


def _there(key: SigningKey | None) -> SigningKey:
    """A key, if there is one. Raises UsageError."""
    if key is None:
        raise UsageError("you have no key yet; `redux trust keygen` makes one")
    return key


# -- the list ----------------------------------------------------------------------------------------


@trust.command(short_help="Believe somebody's records.")
@click.argument("key", metavar="KEY|FILE|-")
@click.option("--name", required=True, metavar="NAME", help="What you call them.")
@click.option("--tier", metavar="TIER", help="To whom they belong, as ci-main; by default `team`.")
@click.option("--pickles/--no-pickles", default=None, help="Also decode values of theirs that run code, or do not.")
def add(key: str, name: str, tier: str | None, pickles: bool | None) -> int:
    """Believe what is signed with a public KEY: its line, a FILE with it, or - for standard input.

    Of somebody who is in the list with this key and name, the tier and the pickles change as said.
    """
    from redux.trust.list_edits import add_signer, change_signer, changing_list
    from redux.trust.signers import DEFAULT_TIER, Signer

    public = _key_given(key)
    signer = Signer(name, public, tier or DEFAULT_TIER, bool(pickles))
    with changing_list(_list_file()) as file:
        trust = _in_force(file.said)
        known = next((one for one in file.signers if (one.name, one.key) == (name, public)), None)
        if known is not None:
            tell(_changes(known, change_signer(file, known, tier, pickles), trust))
            return 0
        add_signer(file, signer)
    believed = "is believed from now on" if trust.believes(signer) else "is known now, but not believed"
    also = "; their pickles are decoded, which runs code of theirs" if pickles else ""
    tell(f"{name} ({signer.id}) {believed}, in the tier {signer.tier}{also}")
    return 0


def _changes(before: Signer, now: Signer, trust: TrustList) -> str:
    """What of somebody in the list is another thing now, in words."""
    said: list[str] = []
    if now.tier != before.tier:
        doubted = "" if trust.believes(now) else ", which is not believed"
        said.append(f"the tier is {now.tier} now{doubted}")
    if now.pickles != before.pickles:
        so = "from now on, which runs code of theirs" if now.pickles else "no longer"
        said.append(f"their pickles are decoded {so}")
    return f"{now.name} ({now.id}): " + ("; ".join(said) or "in the list already, and nothing changes")


def _key_given(word: str) -> PublicKey:
    from redux.trust.keys import read_public

    if word == "-":
        return read_public(sys.stdin.read(_LONGEST))
    if word.startswith("redux-"):
        return read_public(word)
    path = Path(word)
    if not path.is_file():
        # It may be a secret key without its beginning, which no message is to show.
        raise UsageError("there is no such file, and a key is a line that begins with 'redux-public-1:'")
    try:
        with path.open(encoding="utf-8") as opened:
            return read_public(opened.read(_LONGEST))
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "is no text"
        raise UsageError(f"{path} cannot be read: {why}") from None


_LONGEST = 4096
"""Characters of a file that holds one key."""


@trust.command(short_help="Believe somebody no longer.")
@click.argument("who", metavar="NAME|KEY")
def remove(who: str) -> int:
    """Take somebody out of the list: their records are by an unknown signer then.

    What was taken from them stays; `redux cache disown` finds it, and what came of it.
    """
    from redux.trust.list_edits import changing_list, remove_signer

    with changing_list(_list_file()) as file:
        signer = remove_signer(file, who)
    tell(
        f"{signer.name} ({signer.id}) is not in the list any more; "
        f"`redux cache disown --signer {signer.id}` is for what was taken from them"
    )
    return 0


@trust.command("list", short_help="Show who is believed.")
@json_option
def list_signers(as_json: bool) -> int:
    """Show whose records are believed here, in which tiers, and the folders that count beside them.

    Those are the folders of others whose settings count, and your own ones that are caches without signatures.
    """
    from redux.trust.folders import FOLDERS
    from redux.trust.keys import key_id, public_text
    from redux.trust.own_caches import OWN_CACHES, as_named
    from redux.trust.own_key import key_at_hand
    from redux.trust.signers import list_file, read_trust

    own_file = user_file()
    known = read_trust(os.environ, own_file, _believe())
    if (trouble := key_at_hand(os.environ, own_file).trouble) is not None:
        tell(f"redux: your own key cannot be used: {trouble}")
    folders = list(FOLDERS.read(own_file).values())
    caches = [(one.path, as_named(one.path) == one) for one in OWN_CACHES.read(own_file).values()]
    if not as_json:
        others = [f"{one.path}  of uid {one.owner}" for one in folders]
        own = [f"{path}{'' if is_the_one else _NOT_THE_ONE}" for path, is_the_one in caches]
        show([*_as_text(known), *_listed(_OTHERS, others), *_listed(_CACHES, own)])
        return 0
    told = {
        "file": str(list_file(os.environ, own_file)),
        "own": None if known.own is None else key_id(known.own),
        "believe": None if known.believe is None else sorted(known.believe),
        "signers": [
            {
                "name": one.name,
                "tier": one.tier,
                "id": one.id,
                "key": public_text(one.key),
                "own": one.key == known.own,
                "believed": known.believes(one) and one.disowned_since is None,
                "pickles": one.pickles,
                "disowned_since": one.disowned_since,
            }
            for one in _everybody(known)
        ],
        "folders": [{"path": str(one.path), "owner": one.owner, "settings": one.settings.hex()} for one in folders],
        "caches": [{"path": str(path), "as_named": is_the_one} for path, is_the_one in caches],
    }
    show(to_json("trust", told))
    return 0


def _in_force(said: TrustList) -> TrustList:
    """What a list says, with the tiers that are believed and one's own key. Raises ConfigError, TrustRefused."""
    from redux.trust.own_key import key_at_hand

    tiers = _believe()
    own = key_at_hand(os.environ, user_file()).key
    return replace(said, believe=None if tiers is None else frozenset(tiers), own_key=own)


def _believe() -> tuple[str, ...] | None:
    """The tiers that the environment or one's own settings say are believed. Raises ConfigError, TrustRefused."""
    from redux.settings.source import read_environment, read_user_file

    said = read_environment(os.environ, Path()).shared_believe
    own = user_file()
    layer = read_user_file(own, own.parent) if said is None else None
    return said if layer is None else layer.shared_believe


def _everybody(known: TrustList) -> list[Signer]:
    """Who is in the list, and oneself before them where one is not."""
    own = known.find(known.own) if known.own is not None else None
    listed = [one if own is None or one.key != own.key else own for one in known.signers]
    return [*([own] if own is not None and own not in listed else []), *listed]


def _as_text(known: TrustList) -> list[str]:
    everybody = _everybody(known)
    lines = ["nobody is believed yet; `redux trust keygen` makes a key, `redux trust add KEY --name NAME` adds one"]
    if everybody:
        names, tiers = max(len(one.name) for one in everybody), max(len(one.tier) for one in everybody)
        lines = [f"{one.name:<{names}}  {one.tier:<{tiers}}  {one.id}{_notes_on(one, known)}" for one in everybody]
    return lines


_OTHERS = "settings of others that count as they are now:"
_CACHES = "caches of your own, by `redux cache add`, which need no signatures while nobody else may enter them:"
_NOT_THE_ONE = "  is gone, or not the folder that was named"


def _listed(title: str, lines: list[str]) -> list[str]:
    return ["", title, *(f"  {one}" for one in lines)] if lines else []


def _notes_on(signer: Signer, known: TrustList) -> str:
    from redux.amendments import utc

    notes = ["your own key"] if signer.key == known.own else []
    if signer.disowned_since is not None:
        notes.append(f"disowned since {utc(signer.disowned_since)}" if signer.disowned_since else "disowned")
    elif not known.believes(signer):
        notes.append("not believed, by the tier")
    if signer.pickles and signer.key != known.own:
        notes.append("pickles are decoded")
    return f"  {', '.join(notes)}" if notes else ""


def _list_file() -> Path:
    from redux.trust.signers import list_file

    path = list_file(os.environ, user_file())
    assert path is not None
    return path


trust.add_command(directory)
