"""Whose executions those in a database are: which were made here, by this user on this machine where several write."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from dataclasses import dataclass

from redux.border import came_from_elsewhere, is_private
from redux.default_tags import user_name
from redux.repo import Repo
from redux_backends.records import Execution, Tag
from redux_valuestore.frozen import frozen


@frozen
class Person:
    """A `user` at a `host`, as executions tell."""

    user: str
    host: str


@dataclass(frozen=True, slots=True)
class Whose:
    """Tells one's own executions: those of `me`, or all in a database that nobody else writes (None).

    None that came from elsewhere is.
    """

    me: Person | None = None

    def is_own(self, execution: Execution, tags: Iterable[Tag]) -> bool:
        """Whether an execution with these tags was made here."""
        return not came_from_elsewhere(tags) and (
            self.me is None or (execution.user, execution.lease.host) == (self.me.user, self.me.host)
        )


def whose_in(repo: Repo) -> Whose:
    """Who counts as oneself in a repository."""
    address = repo.address
    if address is None or is_private(address.database, address.store):
        return Whose()
    return Whose(Person(user_name(), socket.gethostname()))
