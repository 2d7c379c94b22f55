"""Whose records of a shared cache count here: those whose signer is trusted, unsigned ones only where that was said."""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from redux.border import Admission
from redux.border.places import is_closed_to_others
from redux.shared.layout import UNSIGNED
from redux.trust.keys import PublicKey
from redux.trust.own_caches import OwnCache, as_named
from redux.trust.owners import is_mine
from redux.trust.signers import Signer, TrustList
from redux_backends.records import Seconds
from redux_valuestore.frozen import frozen
from redux_valuestore.modes import PRIVATE, modes_in

CLAIM = "the project alone names that folder, and `redux cache add {}` says that it is yours"

OPENED = (
    "others may enter that folder of yours, and if nobody else wrote there, `chmod 700 {}` makes it yours alone again"
)


class Believing(Protocol):
    """Whose records count, and what their values may do here."""

    def why_not(self, signer: PublicKey | None, made: Seconds) -> str | None:
        """Why what this key (None: nobody) signed at that moment is not believed; None where it is."""
        ...

    def admission(self, signer: PublicKey | None) -> Admission:
        """What values may do that came with a signature by this key."""
        ...

    def counts(self, signer: str) -> bool:
        """Whether packs of a signer may count, by the key's id or `unsigned`."""
        ...

    def name_of(self, signer: str) -> str:
        """What people call a signer, by the key's id or `unsigned`; with the tier."""
        ...


@frozen
class Believed:
    """Believes what the list of trusted keys says; what nobody signed where `unsigned`, or where nobody else comes.

    `url` is where the shared cache is, and `allow` are names that values of anybody may import and run. Where a project
    alone says the URL, `named` are the folders that this user named: what came with the project is none of these.
    """

    trust: TrustList
    unsigned: bool = False
    url: str = ""
    allow: tuple[str, ...] = ()
    named: Collection[OwnCache] | None = None

    @property
    def own(self) -> bool:
        """Whether the shared cache is a folder that only this user may enter, as it is now: it is asked each time."""
        return self._is_closed and (self.named is None or as_named(Path(local_folder(self.url) or "")) in self.named)

    @property
    def may_be_claimed(self) -> bool:
        """Whether it would be, had this user named it."""
        return self._is_closed and not self.own

    @property
    def _is_closed(self) -> bool:
        folder = local_folder(self.url)
        return folder is not None and is_closed_to_others(folder)

    @property
    def keeps_others_out(self) -> bool:
        """Whether others may enter the folder of a shared cache, and cannot read what this user puts there."""
        folder = local_folder(self.url)
        return folder is not None and folder.is_dir() and modes_in(folder) is PRIVATE and not self._is_closed

    @property
    def _is_ones_open_folder(self) -> bool:
        """Whether it is a folder of this user that others may enter, and that is for no team."""
        with suppress(OSError):
            mine = hasattr(os, "geteuid") and is_mine(os.stat(local_folder(self.url) or "").st_uid)
            return mine and self.keeps_others_out
        return False

    @property
    def may_become_own(self) -> bool:
        """Whether the shared cache is a folder that is not there, and may be made as one of this user's own."""
        folder = local_folder(self.url)
        return folder is not None and not os.path.lexists(folder)

    def why_not(self, signer: PublicKey | None, made: Seconds) -> str | None:
        """Why what this key (None: nobody) signed at that moment is not believed; None where it is."""
        if signer is None:
            if self.unsigned or self.own:
                return None
            if self.may_be_claimed:
                return f"records that nobody signed; {CLAIM.format(self.url)}"
            if self._is_ones_open_folder:
                return f"records that nobody signed; {OPENED.format(local_folder(self.url))}"
            return "records that nobody signed; `--unsigned` believes them all the same"
        judged = self.trust.judge(signer, made)
        return None if isinstance(judged, Signer) else judged.why

    def admission(self, signer: PublicKey | None) -> Admission:
        """What values may do that came with a signature by this key: in a folder that is one's own, all."""
        known = None if signer is None else self.trust.find(signer)
        return Admission(self.own if known is None else known.pickles, self.allow)

    def counts(self, signer: str) -> bool:
        """Whether packs of a signer may count, by the key's id or `unsigned`."""
        if signer == UNSIGNED:
            return self.unsigned or self.own
        known = self.trust.with_id(signer)
        return known is not None and self.trust.believes(known)

    def name_of(self, signer: str) -> str:
        """What people call a signer, by the key's id or `unsigned`; with the tier."""
        return self.trust.called(signer)


def local_folder(url: str) -> Path | None:
    """The local folder that a URL means; None where it means none."""
    scheme, separator, path = url.partition("://")
    if not url or "::" in url or (separator and scheme not in ("file", "local")):
        return None
    return Path(path if separator else url)
