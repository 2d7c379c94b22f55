"""One's own secret key: where it is kept, made, and put aside for a new one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from redux.errors import ReduxError, UsageError
from redux.redaction import hide, hide_from_view
from redux.trust.guarded import read_guarded, write_whole
from redux.trust.keys import PUBLIC_MARK, SECRET_MARK, PublicKey, SigningKey, key_id
from redux.trust.trouble import KeyRefused, TrustRefused

KEY_VARIABLE = "REDUX_SIGNING_KEY"


def own_key_file(user_file: Path) -> Path:
    """Where one's own key is, beside one's settings, `user_file`."""
    return user_file.parent / "keys" / "default.key"


def signing_key(environment: Mapping[str, str], user_file: Path | None) -> SigningKey | None:
    """The key to sign with: REDUX_SIGNING_KEY, a path or the key's text, else one's own; None where there is none.

    `user_file` is one's settings file, beside which keys are. Raises `KeyRefused`, `TrustRefused`, `SigningMissing`.
    """
    hide_key_in(environment)
    said = _said(environment)
    if said.startswith((SECRET_MARK, PUBLIC_MARK)):
        return _key_in(said)
    if said:
        named = Path(os.path.expanduser(said))
        # What names no file may be a key that was not copied whole: it is not repeated.
        text = read_guarded(named, secret=True) if _is_there(named) else None
        if text is None:
            relative = (
                "" if named.is_absolute() else "; as a path it is a relative one, and files are named from the root"
            )
            raise KeyRefused(
                f"{KEY_VARIABLE} is neither the line of a secret key, which begins with {SECRET_MARK!r}, nor a file "
                f"that is there; what it says is not shown, since it may be secret{relative}"
            )
        return _key_of(named, text, "name the file of a whole key")
    if user_file is None:
        return None
    own = own_key_file(user_file)
    text = read_guarded(own, secret=True)
    remedy = "`redux trust keygen --force` puts it aside and makes another one"
    return None if text is None else _key_of(own, text, remedy)


@dataclass(frozen=True, slots=True)
class KeyAtHand:
    """The key to sign with (None: there is none), or the `trouble` with one that cannot be used."""

    key: SigningKey | None = field(repr=False)
    trouble: ReduxError | None = None


def key_at_hand(environment: Mapping[str, str], user_file: Path | None) -> KeyAtHand:
    """What `signing_key` gives or refuses, for those who go on without a key. Raises `SigningMissing`."""
    try:
        return KeyAtHand(signing_key(environment, user_file))
    except (KeyRefused, TrustRefused) as error:
        return KeyAtHand(None, error)


def _is_there(named: Path) -> bool:
    """Whether a file is there, by a path from the root. Raises `KeyRefused` for one that is there by another path."""
    there = os.path.exists(named)
    if there and not named.is_absolute():
        raise KeyRefused(
            f"{KEY_VARIABLE} depends on the folder that one is in, and whoever wrote that would sign for you; name a "
            "file of your own from the root, as /etc/redux/ci.key"
        )
    return there


def hide_key_in(environment: Mapping[str, str]) -> None:
    """Have the key whose text is in the environment, where tasks find it too, sought in what they return."""
    said = _said(environment)
    if said.startswith(SECRET_MARK):
        hide(said.removeprefix(SECRET_MARK))


def _said(environment: Mapping[str, str]) -> str:
    """What the variable says, without the quotes that whoever set it meant for a shell."""
    said = environment.get(KEY_VARIABLE, "").strip()
    return said[1:-1].strip() if len(said) > 1 and said[0] == said[-1] and said[0] in "'\"" else said


def _key_in(said: str) -> SigningKey:
    try:
        return _hidden(SigningKey.from_text(said))
    except KeyRefused as error:
        raise KeyRefused(f"{KEY_VARIABLE}: {error}") from None


def _key_of(path: Path, text: str, remedy: str) -> SigningKey:
    try:
        return _hidden(SigningKey.from_text(text))
    except KeyRefused as error:
        raise TrustRefused(path, f"has no key to sign with: {error}; {remedy}") from None


def _hidden(key: SigningKey) -> SigningKey:
    hide_from_view(key.text.removeprefix(SECRET_MARK))
    return key


def make_key(user_file: Path) -> SigningKey:
    """A new key, kept as one's own.

    Raises `UsageError` where there is one already, `SigningMissing`, `TrustRefused`.
    """
    key = SigningKey.generate()
    path = own_key_file(user_file)
    try:
        write_whole(path, f"{key.text}\n", new=True)
    except FileExistsError:
        raise UsageError(
            f"{path} is there already, and what it signed is known by it; `redux trust show` gives its public line, "
            "and --force makes another one and keeps this aside"
        ) from None
    return key


def make_key_at(path: Path) -> SigningKey:
    """A new key in a file that only we can read, for a machine to sign with.

    Raises `UsageError` where something is there already, or no folder for it, `SigningMissing`, `TrustRefused`.
    """
    if not path.parent.is_dir():
        raise UsageError(f"there is no folder {path.parent}; make it, or name a file in another")
    key = SigningKey.generate()
    try:
        write_whole(path, f"{key.text}\n", new=True)
    except FileExistsError:
        raise UsageError(f"{path} is there already, and may be a key that is in use; name another file") from None
    return key


@dataclass(frozen=True, slots=True)
class Aside:
    """Where a key went, and its public half; None where it could not be read."""

    path: Path
    public: PublicKey | None


def put_aside(user_file: Path) -> Aside | None:
    """Put away the key that was one's own so far, or what is in its place; None where nothing was.

    Raises `TrustRefused` where it cannot be moved, `SigningMissing`.
    """
    path = own_key_file(user_file)
    found = key_at_hand({}, user_file)
    if found.key is not None:
        aside = Aside(path.with_name(f"{key_id(found.key.public)}.key"), found.key.public)
    elif found.trouble is not None:
        aside = Aside(_free_name(path), None)
    else:
        return None
    try:
        path.rename(aside.path)
    except OSError as error:
        raise TrustRefused(path, f"cannot be put aside: {error.strerror}; see to the rights of its folder") from None
    return aside


def _free_name(path: Path) -> Path:
    names = (path.with_name(f"{path.name}.broken-{number}") for number in count(1))
    return next(name for name in names if not os.path.lexists(name))
