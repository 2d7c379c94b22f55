"""Values in which a secret stands in plain: they are tagged, and no shared cache gets them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress

from redux.redaction import any_sought, holds_hidden
from redux.repo import Repo
from redux.secret_names import hides_part
from redux.secrets import SECRET_TAG, returned_plainly, says_secret, warn
from redux.serializers.salt import hide_salt_in
from redux.task import Task
from redux.trust.own_key import hide_key_in
from redux.value import Encoded
from redux_backends.records import Tag, ValueRecord
from redux_valuestore.digest import Digest
from redux_valuestore.errors import ReduxError


class Privacy:
    """The tags of what is to stay here, each once."""

    def __init__(self, repo: Repo) -> None:
        self._repo = repo
        self._known: set[Digest] = set()
        self._told: set[str] = set()
        hide_key_in(os.environ)
        hide_salt_in(os.environ)

    def tags(self, value: Digest) -> Sequence[Tag]:
        """The tag of a value that is to stay here; none where it was given before."""
        if value in self._known:
            return ()
        self._known.add(value)
        return (Tag("value", value, SECRET_TAG, "true"),)

    def of_value(self, encoded: Encoded) -> Sequence[Tag]:
        """The tag of a value whose encoding is here, if it says a secret."""
        return self.tags(encoded.hash) if says_secret(encoded) else ()

    def of_result(self, encoded: Encoded, records: Sequence[ValueRecord], task: Task[..., object]) -> Sequence[Tag]:
        """The same of what a task returned, whose bytes another process may have put into the store.

        What its preview hides for its name stays here, too.
        """
        in_store = any_sought() and not encoded.chunks
        if says_secret(encoded) or (in_store and any(map(self._says_secret, records))):
            return self.tags(encoded.hash)
        shown = (each.preview for each in records if each.hash == encoded.hash)
        if task.declared.secret is None and any(map(hides_part, shown)):
            self._warn_of(task.fullname)
            return self.tags(encoded.hash)
        return ()

    def _warn_of(self, fullname: str) -> None:
        if fullname not in self._told:
            self._told.add(fullname)
            warn(returned_plainly(fullname))

    def _says_secret(self, record: ValueRecord) -> bool:
        if record.data is not None:
            return holds_hidden((record.data,))
        with suppress(ReduxError):  # whoever needs it meets the trouble, and tells it
            return holds_hidden((self._repo.store.get(record.hash),))
        return True
