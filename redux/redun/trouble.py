"""What keeps a redun database from being taken over."""

from __future__ import annotations

from redux.errors import UsageError
from redux_valuestore.errors import ReduxError


class RedunRefused(UsageError):
    """What was named is no redun database that this redux can read, or something has to be said besides."""


class RedunUnreadable(ReduxError):
    """A redun database, or its value store, cannot be read now, or is damaged."""

    exit_code = 4
