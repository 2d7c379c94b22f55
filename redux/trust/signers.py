"""Whom this place believes: signers by their keys, in tiers; and why somebody is not believed, in words."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Literal, cast

from redux.amendments import utc
from redux.errors import ConfigError, nearest
from redux.tables import parse_toml
from redux.trust.guarded import read_guarded
from redux.trust.keys import PublicKey, SigningKey, key_id, read_public
from redux.trust.own_key import key_at_hand
from redux.trust.trouble import KeyRefused, TrustRefused
from redux_backends.records import Seconds

LIST_VARIABLE = "REDUX_TRUST"
LIST_FILE = "trust.toml"
DEFAULT_TIER = "team"
OWN_TIER = "own"
OWN_NAME = "myself"
"""What one's own key is called that is not in the list."""
UNSIGNED_NAME = "unsigned"
"""What is said in the place of a signer where there is none."""
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")

CLOCKS_DIFFER: Seconds = 3600.0
"""By so much clocks may be wrong without harm."""
_TOO_LATE: Seconds = 86400.0
"""So far ahead of ours no clock is by mistake."""


@dataclass(frozen=True, slots=True)
class Signer:
    """Somebody who signs, under a `name` that is ours for them. `pickles` says whether theirs may be decoded.

    What they signed from `disowned_since` on is not believed (0: nothing they ever signed; None: it is believed).
    """

    name: str
    key: PublicKey
    tier: str = DEFAULT_TIER
    pickles: bool = False
    disowned_since: Seconds | None = None

    @property
    def id(self) -> str:
        """What the key is called: 16 hex digits."""
        return key_id(self.key)


@dataclass(frozen=True, slots=True)
class Distrust:
    """That a record is not believed: the `kind` of trouble, the `signer`'s key id, and `why`, in words."""

    kind: Literal["unknown", "disowned", "tier", "future"]
    signer: str
    why: str


@dataclass(frozen=True, slots=True)
class TrustList:
    """The signers that are known here, in the order of their file; which tiers are believed; and one's own key.

    `believe` are the tiers that are believed (None: all but those in `doubted`).
    """

    signers: tuple[Signer, ...] = ()
    believe: frozenset[str] | None = None
    doubted: frozenset[str] = frozenset()
    own_key: SigningKey | None = field(default=None, repr=False)
    _by_key: Mapping[PublicKey, Signer] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_key", {signer.key: signer for signer in self.signers})

    @property
    def own(self) -> PublicKey | None:
        """One's own public key."""
        return None if self.own_key is None else self.own_key.public

    def find(self, key: PublicKey) -> Signer | None:
        """Whose key this is; None where nobody knows. One's own is known without being in the list.

        What one signed oneself may be decoded, whatever the list says, but for a key that is disowned.
        """
        known = self._by_key.get(key)
        if key != self.own:
            return known
        if known is None:
            return Signer(OWN_NAME, key, OWN_TIER, pickles=True)
        return known if known.disowned_since is not None else replace(known, pickles=True)

    def with_id(self, id: str) -> Signer | None:
        """Whose key has this id, one's own too; None where nobody knows."""
        own = None if self.own is None else self.find(self.own)
        everybody = [*self.signers, *([own] if own is not None else [])]
        return next((one for one in everybody if one.id == id), None)

    def called(self, id: str) -> str:
        """What people call the key of this id, one's own too: the signer's name and tier; the id of an unknown one."""
        known = self.with_id(id)
        return id if known is None else f"{known.name} ({known.tier})"

    def judge(self, key: PublicKey, made: Seconds, now: Seconds | None = None) -> Signer | Distrust:
        """Who signed at the moment `made` and is believed, or why not."""
        signer = self.find(key)
        id = key_id(key)
        if signer is None:
            return Distrust(
                "unknown", id, f"records by an unknown signer {id}; `redux trust add` if you know whose it is"
            )
        if signer.disowned_since is not None and made >= signer.disowned_since - CLOCKS_DIFFER:
            since = f" since {utc(signer.disowned_since)}" if signer.disowned_since > 0 else ""
            return Distrust("disowned", id, f"records by {signer.name} ({id}), who is disowned{since}")
        if not self.believes(signer):
            return Distrust(
                "tier",
                id,
                f"records by {signer.name} ({id}) of the tier {signer.tier}, which is not believed here; "
                "REDUX_BELIEVE or shared.believe in your own settings says which are",
            )
        ahead = made - (time.time() if now is None else now)
        if not ahead <= _TOO_LATE:  # which no moment is that is no number
            return Distrust(
                "future",
                id,
                f"records that {signer.name} ({id}) signed on {utc(made)}, which is yet to come; a clock is wrong",
            )
        return signer

    def believes(self, signer: Signer) -> bool:
        """Whether the tier of a signer is believed; one's own key always is."""
        if signer.key == self.own:
            return True
        return signer.tier in self.believe if self.believe is not None else signer.tier not in self.doubted


def list_file(environment: Mapping[str, str], user_file: Path | None) -> Path | None:
    """Where the list is: what REDUX_TRUST names, else beside one's settings, `user_file`. Raises `ConfigError`."""
    said = environment.get(LIST_VARIABLE, "").strip()
    if said:
        path = Path(os.path.expanduser(said))
        if not path.is_absolute():
            raise ConfigError(
                LIST_VARIABLE,
                f"{said!r} depends on the folder that one is in, and whoever wrote that would say whom you believe; "
                "name a file of your own from the root, as /etc/redux/trust.toml",
            )
        return path
    return None if user_file is None else user_file.with_name(LIST_FILE)


def read_trust(
    environment: Mapping[str, str], user_file: Path | None, believe: Sequence[str] | None = None
) -> TrustList:
    """The trust list of the user whose settings are in `user_file`, or the one that REDUX_TRUST names.

    `believe` are the tiers that the settings say. Raises `ConfigError` for a list that cannot be understood,
    `TrustRefused` for one that others may write to, `SigningMissing`. A key of one's own that cannot be used is none.
    """
    path = list_file(environment, user_file)
    text = None if path is None else read_guarded(path)
    if text is None and environment.get(LIST_VARIABLE, "").strip():
        assert path is not None
        raise TrustRefused(path, f"is not there; {LIST_VARIABLE} names it as the list of those who are believed")
    read = TrustList() if text is None else parse_list(text, str(path))
    tiers = None if believe is None else frozenset(believe)
    return replace(read, believe=tiers, own_key=key_at_hand(environment, user_file).key)


# -- the file ----------------------------------------------------------------------------------------


def parse_list(text: str, origin: str) -> TrustList:
    """The list that a text says. Raises `ConfigError`, naming `origin`."""
    try:
        said = parse_toml(text)
    except ValueError as error:
        raise ConfigError(origin, f"cannot be read as TOML: {error}") from None
    _check_keys(said, ("signers", "doubted"), "", origin)
    signers = said.get("signers", {})
    if not isinstance(signers, dict):
        raise ConfigError(origin, "signers must be a table: [signers.NAME] for each of them")
    found = tuple(_signer(name, told, origin) for name, told in cast("dict[str, object]", signers).items())
    names: dict[PublicKey, str] = {}
    for signer in found:
        if signer.key in names:
            raise ConfigError(origin, f"{names[signer.key]} and {signer.name} have the same key; take one of them out")
        names[signer.key] = signer.name
    return TrustList(found, doubted=frozenset(_tiers(said.get("doubted", []), origin)))


_OF_SIGNER = ("key", "tier", "pickles", "disowned_since")


def _signer(name: str, told: object, origin: str) -> Signer:
    where = f"signers.{name}"
    if not isinstance(told, dict) or not NAME.fullmatch(name):
        raise ConfigError(origin, f"{where} must be a table, and its name of letters, digits, - and _")
    said = cast("dict[str, object]", told)
    _check_keys(said, _OF_SIGNER, f"{where}.", origin)
    key, tier, pickles = said.get("key"), said.get("tier", DEFAULT_TIER), said.get("pickles", False)
    if not isinstance(key, str):
        raise ConfigError(origin, f"{where}.key must be the line of a public key")
    if not isinstance(tier, str) or not NAME.fullmatch(tier):
        raise ConfigError(origin, f"{where}.tier must be a name of letters, digits, - and _")
    if not isinstance(pickles, bool):
        raise ConfigError(origin, f"{where}.pickles must be true or false")
    try:
        public = read_public(key)
    except KeyRefused as error:
        raise ConfigError(origin, f"{where}.key: {error}") from None
    return Signer(name, public, tier, pickles, _moment(said.get("disowned_since"), where, origin))


def _moment(said: object, where: str, origin: str) -> Seconds | None:
    if said is None:
        return None
    if isinstance(said, datetime) and said.tzinfo is not None:
        return max(0.0, said.timestamp())
    if said is True:
        return 0.0
    raise ConfigError(
        origin, f"{where}.disowned_since must be true, or a moment with its zone, as 2026-11-20T14:30:00Z"
    )


def _tiers(said: object, origin: str) -> list[str]:
    tiers = cast("list[object]", said) if isinstance(said, list) else [None]
    if not all(isinstance(tier, str) and NAME.fullmatch(tier) for tier in tiers):
        raise ConfigError(origin, "doubted must be a list of tiers, which are not believed")
    return cast("list[str]", tiers)


def _check_keys(said: Mapping[str, object], known: Sequence[str], prefix: str, origin: str) -> None:
    for key in said:
        if key not in known:
            raise ConfigError(origin, f"unknown key {prefix}{key}{nearest(key, known)}")
