"""An S3 of the tests' own: moto's server in a process of its own, found as any other endpoint is."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import fsspec

_SERVER = """\
import os, sys, threading
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

WSGIRequestHandler.protocol_version = "HTTP/1.1"  # one connection for many requests
server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True)
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()  # ends with who began it
print(server.server_port, flush=True)
server.serve_forever()
"""

_ACCOUNT = {
    "AWS_ACCESS_KEY_ID": "an id",
    "AWS_SECRET_ACCESS_KEY": "a secret",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_MAX_ATTEMPTS": "1",
}


@contextmanager
def server() -> Iterator[str]:
    """A server that is there until the end, by its address; credentials for it are in the environment."""
    streams: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with (
        patch.dict(os.environ, _ACCOUNT),
        subprocess.Popen([sys.executable, "-c", _SERVER], text=True, **streams) as process,
    ):
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


@contextmanager
def endpoint(address: str) -> Iterator[None]:
    """`s3://` is this server, here and in processes that are started meanwhile."""
    with (
        patch.dict(fsspec.config.conf, {"s3": {"endpoint_url": address}}),
        patch.dict(os.environ, {"FSSPEC_S3_ENDPOINT_URL": address}),
    ):
        yield


@contextmanager
def bucket(address: str) -> Iterator[str]:
    """The URL of a new bucket on a server."""
    with endpoint(address):
        name = f"bucket-{uuid.uuid4().hex}"
        fsspec.filesystem("s3").mkdir(name)
        yield f"s3://{name}"


@contextmanager
def nobody_let_in(address: str) -> Iterator[None]:
    """The server refuses every request meanwhile."""
    _post(f"{address}/moto-api/reset-auth", b"0")
    try:
        yield
    finally:
        _post(f"{address}/moto-api/reset-auth", b"inf")


def _post(url: str, data: bytes) -> None:
    with urllib.request.urlopen(urllib.request.Request(url, data, {"Content-Type": "text/plain"})) as answer:
        assert answer.status == 200
