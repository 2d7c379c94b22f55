"""Objects in S3 through s3fs: one request for each call, whose size and time are bounded."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from redux_valuestore.client import Page, bounded
from redux_valuestore.fsspec_client import FsspecClient
from redux_valuestore.patience import Allowed, Patience
from redux_valuestore.pieces import in_pieces, insist, many_at_once, parts


def s3_options(patience: Patience, at_once: int) -> dict[str, Any]:
    """What s3fs is told besides the user's own settings for it: limits, and that trying again is our matter."""
    from fsspec.config import conf  # noqa: PLC0415  heavy

    users: dict[str, Any] = conf.get("s3", {}).get("config_kwargs", {})
    ours = {
        "connect_timeout": patience.connect,
        "read_timeout": patience.answer,
        "retries": {"mode": "standard", "total_max_attempts": 1},
        "max_pool_connections": max(at_once, 10),
    }
    return {"config_kwargs": {**users, **ours}}


class S3Client(FsspecClient):
    """Objects below `s3://bucket/prefix`."""

    def __init__(self, url: str, options: dict[str, Any], at_once: int) -> None:
        super().__init__(url, options, at_once)
        self.fs.retries = 1
        self._bucket, _, prefix = self.root.partition("/")
        self._prefix = f"{prefix}/" if prefix else ""

    def get(self, name: str, limit: int, allowed: Allowed) -> bytes:
        return self.run(self._get(name, limit, allowed), 2 * allowed.seconds(limit))

    def put(self, name: str, data: bytes, new: bool, allowed: Allowed) -> str:
        sent = self._call("put_object", Key=self._key(name), Body=data, **_condition(new))
        return self.run(sent, allowed.seconds(len(data))).get("ETag", "")

    def page(self, folder: str, after: str | None, allowed: Allowed) -> Page:
        token = {"ContinuationToken": after} if after else {}
        asked = self._call("list_objects_v2", Prefix=self._prefix + folder, MaxKeys=1000, **token)
        answer = self.run(asked, allowed.seconds())
        keys = (found["Key"] for found in answer.get("Contents", ()))
        names = tuple(key.removeprefix(self._prefix) for key in keys if not key.endswith("/"))
        return Page(names, answer.get("NextContinuationToken") if answer.get("IsTruncated") else None)

    def size(self, name: str, allowed: Allowed) -> int:
        return self.run(self._call("head_object", Key=self._key(name)), allowed.seconds())["ContentLength"]

    def get_large(self, name: str, limit: int, allowed: Allowed) -> memoryview:
        size = bounded(name, self.url, self.size(name, allowed), limit)

        async def ask(start: int, end: int) -> bytes:
            answer = await self._call("get_object", Key=self._key(name), Range=f"bytes={start}-{end - 1}")
            body = answer["Body"]
            try:
                return await body.read()
            finally:
                body.close()

        return self.run(in_pieces(size, ask, allowed), allowed.seconds(size))

    def put_large(self, name: str, pieces: Sequence[memoryview], new: bool, allowed: Allowed) -> None:
        size = sum(piece.nbytes for piece in pieces)
        self.run(self._put_large(name, pieces, new, allowed), allowed.seconds(size))

    def close(self) -> None:
        creator = getattr(self.fs, "_s3creator", None)
        if creator is not None:
            with suppress(Exception):
                self.run(creator.__aexit__(None, None, None), 1.0)

    async def _get(self, name: str, limit: int, allowed: Allowed) -> bytes:
        answer = await asyncio.wait_for(self._call("get_object", Key=self._key(name)), allowed.seconds())
        body = answer["Body"]
        try:
            size = bounded(name, self.url, answer["ContentLength"], limit)
            data: bytes = await asyncio.wait_for(body.read(), allowed.seconds(size))
        finally:
            body.close()
        if len(data) != size:
            raise ConnectionResetError(f"{len(data)} bytes came of {size}")
        return data

    async def _put_large(self, name: str, pieces: Sequence[memoryview], new: bool, allowed: Allowed) -> None:
        key = self._key(name)
        begun = (await self._call("create_multipart_upload", Key=key))["UploadId"]

        async def send(number: int, part: bytes) -> dict[str, Any]:
            answer = await self._call("upload_part", Key=key, UploadId=begun, PartNumber=number, Body=part)
            return {"PartNumber": number, "ETag": answer["ETag"]}

        try:
            sent = await many_at_once(enumerate(parts(pieces), 1), lambda one: insist(lambda: send(*one), allowed))
            sent.sort(key=lambda one: one["PartNumber"])
            end = {"Key": key, "UploadId": begun, "MultipartUpload": {"Parts": sent}, **_condition(new)}
            await self._call("complete_multipart_upload", **end)
        except BaseException:
            with suppress(Exception):
                await self._call("abort_multipart_upload", Key=key, UploadId=begun)
            raise

    async def _call(self, method: str, **told: Any) -> Any:
        return await self.fs._call_s3(method, Bucket=self._bucket, **told)

    def _key(self, name: str) -> str:
        return self._prefix + name


def _condition(new: bool) -> dict[str, Any]:
    return {"IfNoneMatch": "*"} if new else {}
