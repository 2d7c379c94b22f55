"""The value store a folder or URL stands for."""

from __future__ import annotations

from redux_valuestore.local import LocalStore
from redux_valuestore.remote import RemoteStore
from redux_valuestore.store import ValueStore

__all__ = ["LocalStore", "RemoteStore", "open_store"]


def open_store(location: str) -> ValueStore:
    """The store at a folder, a `file://` URL, or any URL that fsspec knows; nothing is opened or made yet."""
    scheme, separator, path = location.partition("://")
    if "::" not in location and (not separator or scheme in ("file", "local")):
        return LocalStore(path if separator else location)
    return RemoteStore(location)
