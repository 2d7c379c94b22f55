"""Which redux this is."""

from __future__ import annotations

version: str
"""The version of the redux that is installed, `(not installed)` where it runs from its sources alone."""


def installed_version() -> str | None:
    """The version of the redux that is installed; None where none is."""
    from importlib.metadata import (  # noqa: PLC0415 - slow, and few ask
        PackageNotFoundError,
        version,
    )

    try:
        return version("redux-cache")
    except PackageNotFoundError:
        return None


def __getattr__(name: str) -> str:
    """`version`, looked up when it is asked for."""
    if name != "version":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return installed_version() or "(not installed)"
