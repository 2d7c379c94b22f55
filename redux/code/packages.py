"""Installed packages as a part of a task's code: those that the task names, by their version."""

from __future__ import annotations

from redux.code.dependencies import make_piece
from redux.code.trouble import CodeUnreadable
from redux_backends.records import CodePiece
from redux_valuestore.digest import digest_bytes


def package_piece(fullname: str, package: str) -> CodePiece:
    """The piece of a package that a task names: its installed version. Raises CodeUnreadable where there is none."""
    version = _installed_version(package)
    if version is None:
        raise CodeUnreadable(
            f"task {fullname}",
            f"packages= names {package}, which is not installed here",
            "install it, or leave it out",
        )
    return make_piece("package", package, digest_bytes(version.encode()), version)


def _installed_version(package: str) -> str | None:
    from importlib import metadata  # noqa: PLC0415 - only for tasks that name packages

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        # It may be the name under which the package is imported: `sklearn` of scikit-learn.
        homes = metadata.packages_distributions().get(package)
        return metadata.version(homes[0]) if homes else None
