"""What speaks to the place that a folder or URL names."""

from __future__ import annotations

from importlib.util import find_spec

from redux_valuestore.client import Client
from redux_valuestore.folder_client import FolderClient
from redux_valuestore.patience import Patience


def open_client(url: str, patience: Patience, at_once: int) -> Client:
    """A client of a local folder, or of a URL, whose file system is imported."""
    scheme, separator, path = url.partition("://")
    if is_local(url):
        return FolderClient(path if separator else url)
    if "::" not in url and scheme in ("s3", "s3a"):
        if find_spec("obstore") is not None:
            from redux_valuestore.obstore_client import ObstoreClient, is_told_enough  # noqa: PLC0415  heavy

            if is_told_enough():
                return ObstoreClient(url, patience, at_once)
        from redux_valuestore.s3_client import S3Client, s3_options  # noqa: PLC0415  heavy

        return S3Client(url, s3_options(patience, at_once), at_once)
    from redux_valuestore.fsspec_client import FsspecClient, HttpClient  # noqa: PLC0415  heavy

    kind = HttpClient if scheme in ("http", "https") and "::" not in url else FsspecClient
    return kind(url, {}, at_once)


def is_local(url: str) -> bool:
    """Whether a URL means a local folder."""
    scheme, separator, _ = url.partition("://")
    return "::" not in url and (not separator or scheme in ("file", "local"))
