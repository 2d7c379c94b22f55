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
from collections.abc import Callable
from typing import Any

from redux.serializers.foreign import CAUTION
from redux.serializers.registry import register_serializer
from redux.serializers.trouble import CannotDecode, CannotEncode, expect

_LONGEST_PATTERN = 10_000
_MOST_SETS = 100
_MOST_BITS = 33_220
"""Those of a number of 10,000 digits."""


def _parts(build: Callable[..., Any]) -> Callable[[Any], Any]:
    return lambda part: build(*expect(part, list))


def _of(kind: type, build: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda part: build(expect(part, kind))


def _fraction(numerator: object, denominator: object) -> fractions.Fraction:
    parts = [expect(numerator, int), expect(denominator, int)]
    if CAUTION.get() is not None and any(part.bit_length() > _MOST_BITS for part in parts):
        raise CannotDecode("a fraction from elsewhere of more than 10,000 digits takes long; have its call run here")
    return fractions.Fraction(*parts)


def _pattern(pattern: object, flags: object) -> re.Pattern[Any]:
    given: Any = expect(pattern, str, bytes)
    sets = given.count("[" if type(given) is str else b"[")
    if (len(given) > _LONGEST_PATTERN or sets > _MOST_SETS) and CAUTION.get() is not None:
        raise CannotDecode(
            f"a pattern from elsewhere of {len(given):,} characters with {sets:,} sets may take long to compile; have "
            "its call run here"
        )
    return re.compile(given, expect(flags, int))


def _register() -> None:
    register_serializer(range, "range", lambda r: [r.start, r.stop, r.step], _parts(range))
    register_serializer(slice, "slice", lambda s: [s.start, s.stop, s.step], _parts(slice))
    register_serializer(decimal.Decimal, "decimal.Decimal", str, _of(str, decimal.Decimal))
    register_serializer(
        fractions.Fraction, "fractions.Fraction", lambda f: [f.numerator, f.denominator], _parts(_fraction)
    )
    register_serializer(uuid.UUID, "uuid.UUID", lambda u: u.bytes, _of(bytes, lambda part: uuid.UUID(bytes=part)))
    register_serializer(re.Pattern, "re.Pattern", lambda p: [p.pattern, p.flags], _parts(_pattern))
    register_serializer(
        types.SimpleNamespace,
        "types.SimpleNamespace",
        lambda n: dict(vars(n)),
        _of(dict, lambda part: types.SimpleNamespace(**part)),
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
        register_serializer(kind, f"ipaddress.{kind.__name__}", str, _of(str, kind))


# -- times -----------------------------------------------------------------------------------------


def _register_times() -> None:
    register_serializer(datetime.date, "datetime.date", lambda d: [d.year, d.month, d.day], _parts(datetime.date))
    register_serializer(
        datetime.time,
        "datetime.time",
        lambda t: [t.hour, t.minute, t.second, t.microsecond, t.fold, t.tzinfo],
        _of(list, lambda part: datetime.time(*part[:4], tzinfo=part[5], fold=part[4])),
    )
    register_serializer(
        datetime.datetime,
        "datetime.datetime",
        lambda t: [t.year, t.month, t.day, t.hour, t.minute, t.second, t.microsecond, t.fold, t.tzinfo],
        _of(list, lambda part: datetime.datetime(*part[:7], tzinfo=part[8], fold=part[7])),
    )
    register_serializer(
        datetime.timedelta,
        "datetime.timedelta",
        lambda d: [d.days, d.seconds, d.microseconds],
        _parts(datetime.timedelta),
    )
    register_serializer(datetime.timezone, "datetime.timezone", _timezone_parts, _of(list, _build_timezone))
    register_serializer(zoneinfo.ZoneInfo, "zoneinfo.ZoneInfo", _zone_key, _of(str, zoneinfo.ZoneInfo))


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
        register_serializer(pure, f"pathlib.Pure{name}Path", str, _of(str, pure))
        register_serializer(concrete, f"pathlib.{name}Path", str, _of(str, pathlib.Path))


def _register_collections() -> None:
    ordered = collections.OrderedDict
    register_serializer(ordered, "collections.OrderedDict", dict, _of(dict, ordered))
    register_serializer(collections.Counter, "collections.Counter", dict, _of(dict, collections.Counter))
    register_serializer(
        collections.deque,
        "collections.deque",
        lambda d: [list(d), d.maxlen],
        _parts(lambda elements, most: collections.deque(expect(elements, list), most)),
    )
    register_serializer(
        collections.defaultdict,
        "collections.defaultdict",
        lambda d: [d.default_factory, dict(d)],
        _parts(lambda factory, content: collections.defaultdict(factory, expect(content, dict))),
    )
    register_serializer(
        collections.ChainMap, "collections.ChainMap", lambda c: list(c.maps), _parts(collections.ChainMap)
    )
    register_serializer(types.MappingProxyType, "types.MappingProxyType", dict, _of(dict, _proxy))


def _proxy(part: dict[object, object]) -> types.MappingProxyType[object, object]:
    return types.MappingProxyType(part)


_register()
