"""What a shared cache is made of, by its settings: its objects, whom to believe of it, what is kept of it here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from redux.settings.folder import OUTBOX_FOLDER, SHARED_FOLDER
from redux.shared.believing import Believed
from redux.shared.bucket import Bucket
from redux.shared.layout import VALUES
from redux.shared.notices import Notices
from redux.shared.outbox import Outbox
from redux.trust.keys import SigningKey
from redux.trust.own_caches import OWN_CACHES
from redux.trust.own_key import key_at_hand
from redux.trust.signers import read_trust
from redux_valuestore.bucket import BucketValues
from redux_valuestore.digest import digest_bytes
from redux_valuestore.errors import ReduxError
from redux_valuestore.objects import Objects
from redux_valuestore.patience import Patience

if TYPE_CHECKING:
    from redux.settings.layers import SharedSettings


@dataclass(frozen=True, slots=True)
class Parts:
    """A shared cache in its parts: `key` signs for it (None: nobody does; `key_trouble` says why, if there is one)."""

    bucket: Bucket
    values: BucketValues
    believed: Believed
    key: SigningKey | None
    outbox: Outbox
    key_trouble: ReduxError | None = None

    @property
    def may_send(self) -> bool:
        """Whether what is made here can be signed, or need not be; who has a key sends nothing without it."""
        believed = self.believed
        if self.key_trouble is not None:
            return False
        return self.key is not None or believed.unsigned or believed.own or believed.may_become_own


def parts_of(
    said: SharedSettings,
    home: Path,
    environment: Mapping[str, str],
    user_file: Path | None,
    notices: Notices,
    allow: tuple[str, ...] = (),
) -> Parts:
    """The parts of the shared cache that settings name; what is known of it here is kept below `home`.

    Raises `TrustRefused`, `ConfigError` for what cannot be read of whom to trust, `SigningMissing`.
    """
    assert said.url is not None
    at_hand = key_at_hand(environment, user_file)
    trust = read_trust(environment, user_file, said.believe)
    id = digest_bytes(said.url.encode()).hex()[:16]
    patience = Patience(first_contact=said.timeout, connect=min(said.timeout, Patience().connect))
    objects = Objects(said.url, patience=patience)
    named = tuple(OWN_CACHES.read(user_file).values()) if said.named_by_project else None
    believed = Believed(trust, said.unsigned, said.url, allow, named)
    bucket = Bucket(objects, home / SHARED_FOLDER / id, believed, said.epoch, notices)
    return Parts(
        bucket,
        BucketValues(objects, VALUES, damaged=bucket.bent_values),
        believed,
        at_hand.key,
        Outbox(home / OUTBOX_FOLDER / id),
        at_hand.trouble,
    )


def is_only_read(url: str) -> bool:
    """Whether nobody can write to a shared cache at this URL."""
    return url.startswith(("http://", "https://"))
