"""Parts that one of redux's own serializers wrote under a name, as plain data: times, paths, files, frames."""

from __future__ import annotations

import struct
import uuid
from collections.abc import Callable, Mapping

from redux.explain.plain_nodes import Fields, FileNode, Frame, Items, Leaf, Node, Pairs, Whole, show
from redux.redaction import REDACTED

_Read = Callable[[str, Node], Node]


def record_fields_of(node: Node) -> dict[str, Node]:
    """The parts of a dict by the text of their keys; none where it is no dict."""
    if not isinstance(node, Pairs):
        return {}
    return {key if isinstance(key, str) else show(key): part for key, part in node.pairs}


def _parts(node: Node) -> list[Node]:
    return node.items if isinstance(node, Items) else []


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def _text(name: str, part: Node) -> Node:
    return Leaf(_last(name), repr(part), part)


def _listed(name: str, part: Node) -> Node:
    return Leaf(_last(name), f"{_last(name)}({', '.join(show(one) for one in _parts(part))})", part)


def _uuid(name: str, part: Node) -> Node:
    whole = isinstance(part, bytes) and len(part) == 16
    return Leaf("UUID", repr(str(uuid.UUID(bytes=part))) if whole else "…", part)  # pyright: ignore[reportArgumentType]


def _date(name: str, part: Node) -> Node:
    return Leaf("date", "-".join(f"{one:02}" for one in _numbers(part)), part)


def _time(name: str, part: Node) -> Node:
    return Leaf("time", _clock(_parts(part)), part)


def _datetime(name: str, part: Node) -> Node:
    parts = _parts(part)
    date = "-".join(f"{one:02}" for one in _numbers(Items("list", parts[:3])))
    return Leaf("datetime", f"{date} {_clock(parts[3:])}", part)


def _clock(parts: list[Node]) -> str:
    """Hours, minutes, seconds and microseconds, and the zone where there is one."""
    numbers = _numbers(Items("list", parts[:4]))
    clock = ":".join(f"{one:02}" for one in numbers[:3])
    if len(numbers) > 3 and numbers[3]:
        clock += f".{numbers[3]:06}"
    zone = parts[5] if len(parts) > 5 else None
    return clock if zone is None else f"{clock} {show(zone)}"


def _numbers(part: Node) -> list[int]:
    return [one for one in _parts(part) if isinstance(one, int)]


def _timedelta(name: str, part: Node) -> Node:
    days, seconds, micros = (*_numbers(part), 0, 0, 0)[:3]
    return Leaf(
        "timedelta", f"{days} days {seconds + micros / 1e6:g} s" if days else f"{seconds + micros / 1e6:g} s", part
    )


def _timezone(name: str, part: Node) -> Node:
    parts = _parts(part)
    offset = parts[0] if parts else None
    return Leaf("timezone", f"UTC+({show(offset)})", part)


def _namespace(name: str, part: Node) -> Node:
    return Fields(_last(name), record_fields_of(part))


def _dict(name: str, part: Node) -> Node:
    return Pairs(_last(name), part.pairs) if isinstance(part, Pairs) else part


def _deque(name: str, part: Node) -> Node:
    items, length = (*_parts(part), None, None)[:2]
    found = Items("deque", _parts(items))
    return found if length is None else Fields("deque", {"": found, "maxlen": length})


def _defaultdict(name: str, part: Node) -> Node:
    factory, pairs = (*_parts(part), None, None)[:2]
    return Fields("defaultdict", {"": pairs, "default_factory": factory})


def _chain(name: str, part: Node) -> Node:
    return Items("ChainMap", _parts(part))


def _file(name: str, part: Node) -> Node:
    """A path, then the contents; a Dataset's format stands between them."""
    parts = _parts(part)
    kind = _last(name).partition("/")[0]
    path = parts[0] if parts else ""
    return FileNode(kind, path if isinstance(path, str) else show(path), parts[1:])


def _file_family(name: str, part: Node) -> Node:
    contents, made = (*_parts(part), None, None)[:2]
    fields = made.fields if isinstance(made, Fields) else {}
    path = fields.get("path") or fields.get("pattern")
    if isinstance(path, str) and isinstance(made, Fields):
        return FileNode(_last(made.kind), path, _parts(contents))
    return Fields("File", {"": made, "content": contents})


def _staging(name: str, part: Node) -> Node:
    local, remote = (*_parts(part), None, None)[:2]
    return Fields(_last(name).partition("/")[0], {"local": local, "remote": remote})


def _secret(name: str, part: Node) -> Node:
    return Leaf("secret", f"Secret({REDACTED})", part)


# -- NumPy and pandas --------------------------------------------------------------------------------

_LETTERS: Mapping[str, str] = {
    "b1": "?", "i1": "b", "i2": "h", "i4": "i", "i8": "q", "u1": "B", "u2": "H", "u4": "I", "u8": "Q",
    "f2": "e", "f4": "f", "f8": "d",
}  # fmt: skip


def _numpy_scalar(name: str, part: Node) -> Node:
    description, data = (*_parts(part), None, None)[:2]
    letter = _LETTERS.get(description[1:]) if isinstance(description, str) else None
    text = "…"
    if letter is not None and isinstance(data, bytes) and len(data) == struct.calcsize(letter):
        order = ">" if str(description).startswith(">") else "<"
        text = repr(struct.unpack(order + letter, data)[0])
    return Leaf("numpy scalar", f"{text} ({show(description).strip(chr(39))})", part)


def _objects(name: str, part: Node) -> Node:
    _, shape, elements = (*_parts(part), None, None, None)[:3]
    found = Items("object array", _parts(elements))
    return found if len(_parts(shape)) == 1 else Fields("object array", {"shape": shape, "flat": found})


def _masked(name: str, part: Node) -> Node:
    data, mask, fill = (*_parts(part), None, None, None)[:3]
    return Fields("MaskedArray", {"data": data, "mask": mask, "fill_value": fill})


def _as_it_is(name: str, part: Node) -> Node:
    return part if isinstance(part, Whole) else Leaf(_last(name), show(part), part)


def _pandas(name: str, part: Node) -> Node:
    if isinstance(part, Pairs):
        return Frame(_last(name), record_fields_of(part))
    return Frame(_last(name), {"parts": part})


def _pandas_scalar(name: str, part: Node) -> Node:
    return Leaf(_last(name), f"{_last(name)}({', '.join(show(one) for one in _parts(part))})", part)


NAMED_KINDS: dict[str, _Read] = {
    "range": _listed,
    "slice": _listed,
    "decimal.Decimal": _text,
    "fractions.Fraction": _listed,
    "uuid.UUID": _uuid,
    "re.Pattern": _listed,
    "types.SimpleNamespace": _namespace,
    "datetime.date": _date,
    "datetime.time": _time,
    "datetime.datetime": _datetime,
    "datetime.timedelta": _timedelta,
    "datetime.timezone": _timezone,
    "zoneinfo.ZoneInfo": _as_it_is,
    "collections.OrderedDict": _dict,
    "collections.Counter": _dict,
    "collections.deque": _deque,
    "collections.defaultdict": _defaultdict,
    "collections.ChainMap": _chain,
    "types.MappingProxyType": _dict,
    "redux.File.subclass/1": _file_family,
    "redux.FileSet.subclass/1": _file_family,
    "numpy.scalar": _numpy_scalar,
    "numpy.objects": _objects,
    "numpy.MaskedArray": _masked,
    "numpy.matrix": _as_it_is,
    "numpy.recarray": _as_it_is,
    "numpy.dtype": _as_it_is,
}
NAMED_KINDS["redux.Secret/1"] = _secret
NAMED_KINDS |= {f"pathlib.{kind}Path": _text for kind in ("Posix", "Windows", "PurePosix", "PureWindows")}
NAMED_KINDS |= {
    f"ipaddress.IPv{version}{kind}": _text for version in "46" for kind in ("Address", "Network", "Interface")
}
NAMED_KINDS |= {f"redux.{kind}{what}/1": _file for kind in ("", "I", "Content") for what in ("File", "FileSet", "Dir")}
NAMED_KINDS["redux.Dataset/1"] = _file
NAMED_KINDS |= {f"redux.{kind}Staging{what}/1": _staging for kind in ("", "I", "Content") for what in ("File", "Dir")}
NAMED_KINDS |= {
    f"pandas.{kind}": _pandas
    for kind in (
        "DataFrame", "Series", "Index", "RangeIndex", "MultiIndex", "DatetimeIndex", "TimedeltaIndex", "PeriodIndex",
        "IntervalIndex", "CategoricalIndex", "Categorical", "IntervalArray", "DatetimeArray", "TimedeltaArray",
        "PeriodArray", "SparseArray", "IntegerArray", "FloatingArray", "BooleanArray", "NumpyExtensionArray",
        "StringArray", "ArrowStringArray", "ArrowExtensionArray",
    )
}  # fmt: skip
NAMED_KINDS |= {
    f"pandas.{kind}": _pandas_scalar for kind in ("NaT", "NA", "Timestamp", "Timedelta", "Period", "Interval")
}
