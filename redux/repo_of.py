"""The repository that settings name, and what its values may do when they are decoded."""

from __future__ import annotations

from redux.border import Admission, admission_of
from redux.repo import Repo, open_repo
from redux.settings.layers import Settings


def admitted_by(settings: Settings) -> Admission:
    """What values may do in the repository that settings name."""
    return admission_of(settings.database, settings.store, settings.allow, settings.trust == "writers")


def open_repo_of(settings: Settings) -> Repo:
    """The repository that settings name, as `open_repo` opens it. Raises the same."""
    return open_repo(
        settings.database, settings.store, settings.inline_limit, settings.password_command,
        admission=admitted_by(settings),
    )  # fmt: skip
