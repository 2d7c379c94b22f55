"""Which filesystem a path is on: SQLite's locks and shared memory need one of this machine."""

from __future__ import annotations

import re
from pathlib import Path

MOUNT_TABLE = Path("/proc/self/mounts")

_NETWORK = re.compile(
    r"(nfs\d*|cifs|smb\w*|9p|afs|ncpfs|lustre|gpfs|ceph|glusterfs|beegfs|davfs"
    r"|fuse\.(sshfs|s3fs|gcsfuse|rclone|glusterfs|ceph\w*|davfs\w*|smb\w*|nfs\w*|curlftpfs|juicefs|mount-s3|goofys))"
)
_ESCAPED = re.compile(r"\\([0-7]{3})")


def network_filesystem(path: Path, mount_table: Path = MOUNT_TABLE) -> str | None:
    """The type of the network filesystem that `path` is on; None where it is local, or where nobody can tell."""
    try:
        lines = mount_table.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return None
    resolved = path.resolve()
    kind, depth = "", -1
    for line in lines:
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = Path(_ESCAPED.sub(lambda code: chr(int(code[1], 8)), fields[1]))
        # Later lines are mounted over earlier ones.
        if len(point.parts) >= depth and resolved.is_relative_to(point):
            kind, depth = fields[2], len(point.parts)
    return kind if _NETWORK.fullmatch(kind) else None
