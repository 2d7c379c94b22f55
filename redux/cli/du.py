"""`redux du`: how many bytes database and store take, and who has them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import cast

import click

from redux.cli.output import line_width, show
from redux.cli.render import dim, strong, to_json
from redux.cli.storage import open_to_read
from redux.cli.surroundings import Where, json_option, where_options
from redux.disk_usage import Amount, DiskUsage, measure
from redux.words.jobs import cut
from redux.words.measures import show_count, show_size
from redux_backends.integrity import Grouping, Usage

_SHOWN = 40


@click.command(short_help="Say how many bytes what takes.")
@click.option("--by", type=click.Choice(["execution", "task", "type"]), help="Who has them.")
@json_option
@where_options
def du(by: str | None, as_json: bool, **places: str | None) -> int:
    """Say how many bytes database and store take.

    With --by execution or task, `own` is what nothing else of its kind has, as argument, result or part of one, and
    `shared` what others have too. A value has one type, so types share nothing.
    """
    repo = open_to_read(Where(**places))  # pyright: ignore[reportArgumentType] - the flags that where_options declares
    try:
        usage = measure(repo)
        groups = repo.backend.integrity().usage(cast(Grouping, by)) if by is not None else None
    finally:
        repo.close()
    if as_json:
        show(
            to_json(
                "du", {"total": usage.total, **_data(usage), **({} if groups is None else {"by": by, "groups": groups})}
            )
        )
    else:
        show(du_text(usage, by or "", groups, line_width(sys.stdout)))
    return 0


def _data(usage: DiskUsage) -> dict[str, object]:
    return {name: getattr(usage, name) for name in usage.__dataclass_fields__}


def du_text(usage: DiskUsage, by: str, groups: Sequence[Usage] | None, width: int) -> list[str]:
    """Bytes of database and store with their parts; then, where asked, who has them, most own bytes first."""
    lines = [
        _line("database", usage.database),
        _part("values in rows", usage.inline, "value"),
        _line("store", usage.store.bytes, show_count(usage.store.count, "file")),
        _part("that records name", usage.named, "file"),
    ]
    for name, amount in (
        ("that no record names", usage.unnamed),
        ("damaged, set aside", usage.set_aside),
        ("half-written or foreign", usage.other),
    ):
        lines += [_part(name, amount, "file")] if amount.count else []
    lines.append(strong(_line("in all", usage.total)))
    if groups is not None:
        lines += ["", *_table(by, groups, usage, width)]
    return lines


def _line(name: str, size: int, what: str = "") -> str:
    return f"{name:<26}{show_size(size):>12}  {what}".rstrip()


def _part(name: str, amount: Amount, noun: str) -> str:
    return dim(_line(f"  {name}", amount.bytes, show_count(amount.count, noun)))


def _table(by: str, groups: Sequence[Usage], usage: DiskUsage, width: int) -> list[str]:
    shares = by != "type"
    names = [cut(one.name[:8] if by == "execution" else one.name, max(width - 40, 30)) for one in groups[:_SHOWN]]
    room = max([len(by), *map(len, names)])
    heads = f"{'own':>10}  {'shared':>10}" if shares else f"{'bytes':>10}"
    lines = [dim(f"{by:<{room}}  {heads}  {'values':>9}")]
    for name, one in zip(names, groups, strict=False):
        own, shared = one.own_database + one.own_store, one.shared_database + one.shared_store
        sizes = f"{_size(own):>10}  {_size(shared):>10}" if shares else f"{_size(own):>10}"
        lines.append(f"{name:<{room}}  {sizes}  {one.values:>9,}")
    if len(groups) > _SHOWN:
        lines.append(dim(f"and {len(groups) - _SHOWN:,} more; --json has them"))
    unused = usage.unused
    if shares and unused.values:
        size = show_size(unused.database + unused.store)
        lines.append(dim(f"and {show_count(unused.values, 'value')} that no call has, {size}"))
    return lines


def _size(size: int) -> str:
    return show_size(size) if size else "·"
