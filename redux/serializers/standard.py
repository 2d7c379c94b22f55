"""Types of the standard library, each by parts named here rather than by a reduce output that versions change."""

from __future__ import annotations

import collections
import datetime
import decimal
import fractions
import ipaddress
import pathlib
import re
import types
import uuid
import zoneinfo
from typing import Any

from redux.serializers.registry import register_serializer
from redux.serializers.trouble import CannotEncode


def _register() -> None:
    register_serializer(range, "range", lambda r: [r.start, r.stop, r.step], lambda part: range(*part))
    register_serializer(slice, "slice", lambda s: [s.start, s.stop, s.step], lambda part: slice(*part))
    register_serializer(decimal.Decimal, "decimal.Decimal", str, decimal.Decimal)
    register_serializer(
        fractions.Fraction,
        "fractions.Fraction",
        lambda f: [f.numerator, f.denominator],
        lambda part: fractions.Fraction(*part),
    )
    register_serializer(uuid.UUID, "uuid.UUID", lambda u: u.bytes, lambda part: uuid.UUID(bytes=part))
    register_serializer(re.Pattern, "re.Pattern", lambda p: [p.pattern, p.flags], lambda part: re.compile(*part))
    register_serializer(
        types.SimpleNamespace,
        "types.SimpleNamespace",
        lambda n: dict(vars(n)),
        lambda part: types.SimpleNamespace(**part),
    )
    _register_times()
    _register_paths()
    _register_collections()
    for kind in (
        ipaddress.IPv4Address,
        ipaddress.IPv6Address,
        ipaddress.IPv4Network,
        ipaddress.IPv6Network,
        ipaddress.IPv4Interface,
        ipaddress.IPv6Interface,
    ):
        register_serializer(kind, f"ipaddress.{kind.__name__}", str, kind)


# -- times -----------------------------------------------------------------------------------------


def _register_times() -> None:
    register_serializer(
        datetime.date, "datetime.date", lambda d: [d.year, d.month, d.day], lambda part: datetime.date(*part)
    )
    register_serializer(
        datetime.time,
        "datetime.time",
        lambda t: [t.hour, t.minute, t.second, t.microsecond, t.fold, t.tzinfo],
        lambda part: datetime.time(*part[:4], tzinfo=part[5], fold=part[4]),
    )
    register_serializer(
        datetime.datetime,
        "datetime.datetime",
        lambda t: [t.year, t.month, t.day, t.hour, t.minute, t.second, t.microsecond, t.fold, t.tzinfo],
        lambda part: datetime.datetime(*part[:7], tzinfo=part[8], fold=part[7]),
    )
    register_serializer(
        datetime.timedelta,
        "datetime.timedelta",
        lambda d: [d.days, d.seconds, d.microseconds],
        lambda part: datetime.timedelta(*part),
    )
    register_serializer(datetime.timezone, "datetime.timezone", _timezone_parts, _build_timezone)
    register_serializer(zoneinfo.ZoneInfo, "zoneinfo.ZoneInfo", _zone_key, zoneinfo.ZoneInfo)


def _timezone_parts(zone: datetime.timezone) -> list[object]:
    offset = zone.utcoffset(None)
    name = zone.tzname(None)
    return [offset, None if name == datetime.timezone(offset).tzname(None) else name]


def _build_timezone(part: list[Any]) -> datetime.timezone:
    offset, name = part
    if name is None:
        return datetime.UTC if not offset else datetime.timezone(offset)
    return datetime.timezone(offset, name)


def _zone_key(zone: zoneinfo.ZoneInfo) -> str:
    if zone.key is None:  # pyright: ignore[reportUnnecessaryComparison] - so it is where a zone comes from a file
        raise CannotEncode(zone, "has no key", "use a zone by its name, as in ZoneInfo('Europe/Paris')")
    return zone.key


# -- paths and collections -------------------------------------------------------------------------


def _register_paths() -> None:
    for pure, concrete, name in (
        (pathlib.PurePosixPath, pathlib.PosixPath, "Posix"),
        (pathlib.PureWindowsPath, pathlib.WindowsPath, "Windows"),
    ):
        register_serializer(pure, f"pathlib.Pure{name}Path", str, pure)
        register_serializer(concrete, f"pathlib.{name}Path", str, pathlib.Path)


def _register_collections() -> None:
    ordered = collections.OrderedDict
    register_serializer(ordered, "collections.OrderedDict", dict, ordered)
    register_serializer(collections.Counter, "collections.Counter", dict, collections.Counter)
    register_serializer(
        collections.deque,
        "collections.deque",
        lambda d: [list(d), d.maxlen],
        lambda part: collections.deque(part[0], part[1]),
    )
    register_serializer(
        collections.defaultdict,
        "collections.defaultdict",
        lambda d: [d.default_factory, dict(d)],
        lambda part: collections.defaultdict(*part),
    )
    register_serializer(
        collections.ChainMap, "collections.ChainMap", lambda c: list(c.maps), lambda part: collections.ChainMap(*part)
    )
    register_serializer(types.MappingProxyType, "types.MappingProxyType", dict, _proxy)


def _proxy(part: dict[object, object]) -> types.MappingProxyType[object, object]:
    return types.MappingProxyType(part)


_register()
