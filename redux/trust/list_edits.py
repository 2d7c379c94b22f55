"""The file with the trust list changed: somebody added, removed, disowned; what people wrote beside it stays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from redux.errors import ConfigError, UsageError, nearest
from redux.toml_lines import added_table, set_line, without_line, without_table
from redux.trust.guarded import changing, read_guarded, write_whole
from redux.trust.keys import KEY_ID_DIGITS, PUBLIC_MARK, SECRET_MARK, public_text, read_public
from redux.trust.signers import NAME, OWN_NAME, OWN_TIER, UNSIGNED_NAME, Signer, TrustList, parse_list
from redux_backends.records import Seconds

_BEGINNING = """\
# Whose records of shared caches are believed here. `redux trust add` and `redux trust remove` write this file.
# A tier is a name for several of them, as team or ci-main; doubted = ["ci-pr"] believes none of that one.
"""


@dataclass(frozen=True, slots=True)
class ListFile:
    """The file at `path` with a trust list, and its `text`."""

    path: Path
    text: str

    @property
    def said(self) -> TrustList:
        """What it says. Raises `ConfigError`."""
        return parse_list(self.text, str(self.path))

    @property
    def signers(self) -> tuple[Signer, ...]:
        """Who is in it. Raises `ConfigError`."""
        return self.said.signers


def open_list(path: Path) -> ListFile:
    """The file at `path`, or an empty one that is not written yet. Raises `TrustRefused`, `ConfigError`."""
    text = read_guarded(path)
    file = ListFile(path, _BEGINNING if text is None else text)
    parse_list(file.text, str(path))
    return file


@contextmanager
def changing_list(path: Path) -> Iterator[ListFile]:
    """The file at `path` as it is now, to be changed once: nobody else does while the block goes on.

    Raises `TrustRefused`, `ConfigError`.
    """
    with changing(path):
        yield open_list(path)


def named(signers: Sequence[Signer], word: str) -> Signer | None:
    """The signer that a name, a key id, or a key's line means; None where there is none. Raises `KeyRefused`."""
    if word.strip().startswith((PUBLIC_MARK, SECRET_MARK)):
        key = read_public(word)
        return next((one for one in signers if one.key == key), None)
    by_name = next((one for one in signers if one.name == word), None)
    return by_name or next((one for one in signers if is_key_id(word) and one.id == word.lower()), None)


def is_key_id(word: str) -> bool:
    """Whether a word is the id of a key, whoever's."""
    return len(word) == KEY_ID_DIGITS and set(word.lower()) <= set("0123456789abcdef")


def add_signer(file: ListFile, signer: Signer) -> None:
    """Write somebody into the list. Raises `UsageError` for a name or key that is there already or is none."""
    if signer.name in (OWN_NAME, UNSIGNED_NAME) or signer.name.startswith(f"{OWN_NAME}-"):
        raise UsageError(f"{signer.name} means somebody else to `redux cache disown`; take another name")
    _add(file, signer)


def _add(file: ListFile, signer: Signer) -> None:
    for what, said in (("name", signer.name), ("tier", signer.tier)):
        if not NAME.fullmatch(said):
            raise UsageError(f"{said!r} is no {what} of a signer: letters, digits, - and _ make one")
    for known in file.signers:
        if known.key == signer.key:
            raise UsageError(f"this key is in the list already, as {known.name}; `redux trust list` shows it")
        if known.name == signer.name:
            raise UsageError(f"{known.name} is in the list with another key ({known.id}); take another name")
    lines = [f'key = "{public_text(signer.key)}"', f'tier = "{signer.tier}"']
    lines += ["pickles = true"] if signer.pickles else []
    lines += [f"disowned_since = {_written(signer.disowned_since)}"] if signer.disowned_since is not None else []
    text = added_table(file.text, f"signers.{signer.name}", lines)
    _write(file, text, (*file.signers, signer))


def change_signer(file: ListFile, known: Signer, tier: str | None, pickles: bool | None) -> Signer:
    """Have somebody in the list be of another tier, or their pickles decoded or not; None leaves it as it is.

    Raises `UsageError` for no tier, and for somebody who is disowned.
    """
    if known.disowned_since is not None:
        raise UsageError(
            f"{known.name} is disowned; `redux cache disown --undo --signer {known.name}` has them believed again"
        )
    if tier is not None and not NAME.fullmatch(tier):
        raise UsageError(f"{tier!r} is no tier of a signer: letters, digits, - and _ make one")
    changed = replace(
        known,
        tier=known.tier if tier is None else tier,
        pickles=known.pickles if pickles is None else pickles,
    )
    table, text = f"signers.{known.name}", file.text
    if changed.tier != known.tier:
        text = set_line(text, table, "tier", f'"{changed.tier}"')
    if changed.pickles != known.pickles:
        text = set_line(text, table, "pickles", "true") if changed.pickles else without_line(text, table, "pickles")
    if changed != known:
        _write(file, text, tuple(changed if one == known else one for one in file.signers))
    return changed


def remove_signer(file: ListFile, word: str) -> Signer:
    """Take somebody out of the list; gives whom. Raises `UsageError` where there is no such signer, `KeyRefused`."""
    signer = known_signer(file, word)
    _write(
        file,
        without_table(file.text, f"signers.{signer.name}"),
        tuple(one for one in file.signers if one != signer),
    )
    return signer


def known_signer(file: ListFile, word: str) -> Signer:
    """The signer in the list that a word means. Raises `UsageError`, `KeyRefused`."""
    signer = named(file.signers, word)
    if signer is None:
        # A word that is nearly a key may be a secret one.
        shown = f"signer {word}" if len(word) <= 2 * KEY_ID_DIGITS and NAME.fullmatch(word) else "such signer"
        near = nearest(word, [one.name for one in file.signers])
        raise UsageError(f"there is no {shown} in {file.path}{near or '; `redux trust list` shows who there is'}")
    return signer


def disown_signer(file: ListFile, signer: Signer, since: Seconds) -> Signer:
    """Have what somebody signed from a moment on not believed (0: ever); gives them as they are then.

    Oneself is added, to be disowned, where one is not in the list.
    """
    changed = replace(signer, disowned_since=float(int(since)))
    if signer not in file.signers:
        if signer.name == OWN_NAME:
            is_taken = any(one.name == OWN_NAME for one in file.signers)
            name = f"{OWN_NAME}-{signer.id}" if is_taken else OWN_NAME
            changed = replace(changed, name=name, pickles=False)
        _add(file, changed)
        return changed
    text = set_line(file.text, f"signers.{signer.name}", "disowned_since", _written(since))
    _write(file, text, tuple(changed if one == signer else one for one in file.signers))
    return changed


def believe_again(file: ListFile, signer: Signer) -> None:
    """Have somebody in the list believed who was disowned; who is there for that alone is taken out of it.

    A key of one's own that was added to be disowned may be in other hands, and is believed as long as it is one's own.
    """
    if signer.tier == OWN_TIER and signer.name in (OWN_NAME, f"{OWN_NAME}-{signer.id}"):
        remove_signer(file, signer.name)
        return
    text = without_line(file.text, f"signers.{signer.name}", "disowned_since")
    changed = replace(signer, disowned_since=None)
    _write(file, text, tuple(changed if one == signer else one for one in file.signers))


def _written(since: Seconds) -> str:
    """A moment as TOML, to the second before it; what goes back to the beginning is simply true."""
    if since < 1:
        return "true"
    return datetime.fromtimestamp(int(since), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _write(file: ListFile, text: str, meant: tuple[Signer, ...]) -> None:
    """Write the file if what it then says is what is meant."""
    try:
        said = parse_list(text, str(file.path))
    except ConfigError:
        said = None
    if said != replace(file.said, signers=meant):
        raise ConfigError(str(file.path), "says its signers in another form than [signers.NAME]; change it by hand")
    write_whole(file.path, text)
