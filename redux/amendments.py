"""What people said of records after the fact: that an edit changes nothing, that a call is to be forgotten.

Each is a tag of redux's own: written here as JSON, and read again, whoever wrote it.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence

from redux_backends.kinds import ACCEPTS, FORGOTTEN
from redux_backends.records import Seconds, Tag
from redux_valuestore.digest import DIGEST_SIZE, Digest
from redux_valuestore.frozen import frozen


@frozen
class Acceptance:
    """That results of the version `old` of a task count for the version `new`, said by somebody at a `moment`.

    `task` is its full name, `why` what they said of it, `changed` names the pieces of code that differ. Where it was
    `revoked`, `by` and `moment` tell who did and when.
    """

    task: str
    new: Digest
    old: Digest
    by: str
    why: str
    changed: tuple[str, ...]
    revoked: bool
    moment: Seconds
    tag: Digest


@frozen
class Forgotten:
    """That results given `until` a moment are not to be used, said by somebody at a `moment`.

    It is said of the `entity`, which is a call or a job, as `kind` tells.
    """

    kind: str
    entity: bytes
    by: str
    until: Seconds
    moment: Seconds
    tag: Digest

    @property
    def words(self) -> str:
        """By whom and when, in a few words that are the same everywhere."""
        return f"{self.by} on {utc(self.moment)}"


def utc(moment: Seconds) -> str:
    """A moment as it is recorded in texts: the same on every machine."""
    try:
        return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(moment))
    except (OverflowError, OSError, ValueError):
        return "at no known time"


def acceptance_tag(
    task: str, new: Digest, old: Digest, by: str, why: str, changed: Sequence[str],
    replaces: Sequence[Acceptance] = (),
) -> Tag:  # fmt: skip
    """The tag that says that results of `old` count for `new`, in place of what was said of the two before."""
    said = {"by": by, "changed": list(changed), "old": old.hex(), "task": task, "why": why}
    return _tag("task", new, ACCEPTS, said, replaces)


def revoking_tag(acceptance: Acceptance, by: str, why: str = "") -> Tag:
    """The tag that says that an acceptance holds no longer."""
    said: dict[str, object] = {"by": by, "changed": list(acceptance.changed), "old": acceptance.old.hex()}
    said |= {"revoked": True, "task": acceptance.task, "why": why}
    return _tag("task", acceptance.new, ACCEPTS, said, (acceptance,))


def forgotten_tag(
    kind: str, entity: bytes, by: str, until: Seconds, moment: Seconds, replaces: Sequence[Forgotten] = ()
) -> Tag:
    """The tag that says that what was given until then is not to be used."""
    return _tag(kind, entity, FORGOTTEN, {"by": by, "until": until}, replaces, moment)


def remembering_tag(forgotten: Sequence[Forgotten]) -> Tag:
    """The removal of what was said of one record: it counts again."""
    first = forgotten[0]
    return Tag(first.kind, first.entity, FORGOTTEN, None, tuple(sorted(one.tag for one in forgotten)))


def _tag(
    kind: str, entity: bytes, key: str, said: Mapping[str, object], replaces: Sequence[Acceptance | Forgotten],
    moment: Seconds | None = None,
) -> Tag:  # fmt: skip
    parents = tuple(sorted(one.tag for one in replaces))
    return Tag(kind, entity, key, json.dumps(said, sort_keys=True), parents, time.time() if moment is None else moment)


def read_acceptance(tag: Tag) -> Acceptance | None:
    """What a tag says of two versions of a task; None where it says nothing that can be understood."""
    said = _said(tag, ACCEPTS, "task")
    old = _digest(said.get("old"))
    if old is None:
        return None
    changed = said.get("changed")
    names = tuple(str(one) for one in changed) if isinstance(changed, list) else ()  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return Acceptance(
        task=_text(said, "task"),
        new=Digest(tag.entity),
        old=old,
        by=_text(said, "by"),
        why=_text(said, "why"),
        changed=names,
        revoked=bool(said.get("revoked")),
        moment=tag.recorded or 0.0,
        tag=tag.hash,
    )


def read_forgotten(tag: Tag) -> Forgotten | None:
    """What a tag says of a call; None where it says nothing that can be understood."""
    said = _said(tag, FORGOTTEN, "call", "job")
    until = said.get("until")
    # A number may be larger than any moment is, and "NaN" is a number to this reader of JSON.
    if isinstance(until, bool) or not isinstance(until, (int, float)) or not 0 <= until <= sys.float_info.max:
        return None
    return Forgotten(tag.kind, tag.entity, _text(said, "by"), float(until), tag.recorded or 0.0, tag.hash)


def _said(tag: Tag, key: str, *kinds: str) -> Mapping[str, object]:
    if tag.key != key or tag.kind not in kinds or tag.value is None:
        return {}
    try:
        said: object = json.loads(tag.value)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}  # pyright: ignore[reportUnknownVariableType]


def _text(said: Mapping[str, object], name: str) -> str:
    found = said.get(name)
    return found if isinstance(found, str) else ""


def _digest(text: object) -> Digest | None:
    try:
        found = bytes.fromhex(text) if isinstance(text, str) else b""
    except ValueError:
        return None
    return Digest(found) if len(found) == DIGEST_SIZE else None
