"""The report: sums, sentences and tables, in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from stdlib_source import Lines, Outline

_ROWS = 20
_NAMES = 12


@dataclass(frozen=True, slots=True)
class Folder:
    """The size of one package, or of one module at the top: its files, their lines, what they declare."""

    name: str
    files: int
    lines: Lines
    functions: int
    classes: int


def add_up(outlines: Mapping[str, Outline], lines: Mapping[str, Lines]) -> list[Folder]:
    """The sizes of all packages, by name."""
    members: dict[str, list[str]] = {}
    for module in outlines:
        members.setdefault(module.partition(".")[0], []).append(module)
    return [
        Folder(
            name,
            len(modules),
            sum_lines(lines[module] for module in modules),
            sum(outlines[module].functions for module in modules),
            sum(outlines[module].classes for module in modules),
        )
        for name, modules in sorted(members.items())
    ]


def sum_lines(parts: Iterable[Lines]) -> Lines:
    """Lines of many files together."""
    code = comment = blank = 0
    for part in parts:
        code, comment, blank = code + part.code, comment + part.comment, blank + part.blank
    return Lines(code, comment, blank)


def whole_report(release: str, picture: str, sections: Sequence[str]) -> str:
    """The report from its sections; `picture` is a file beside it."""
    title = f"# What Python {release}'s standard library imports"
    top = f"{title}\n\n![The packages that most rests on]({picture})\n"
    return "\n".join([top, *sections])


def size_section(release: str, folders: Sequence[Folder]) -> str:
    """How much there is of it: all, and the largest packages."""
    total = sum_lines(folder.lines for folder in folders)
    files = sum(folder.files for folder in folders)
    functions = sum(folder.functions for folder in folders)
    classes = sum(folder.classes for folder in folders)
    largest = sorted(folders, key=lambda folder: (-folder.lines.code, folder.name))[:_ROWS]
    rows = [
        (folder.name, folder.files, folder.lines.code, folder.lines.comment, folder.functions, folder.classes)
        for folder in largest
    ]
    return (
        "## Its size\n\n"
        f"Python {release} brings {files:,} modules: {total.code:,} lines of code, {total.comment:,} of "
        f"comment and {total.blank:,} blank; {functions:,} functions and {classes:,} classes. "
        f"The {len(rows)} largest of its {len(folders)} packages and top-level modules:\n\n"
        + table(("package", "files", "code", "comment", "functions", "classes"), rows)
    )


def rank_section(ranks: Mapping[str, float], importers: Mapping[str, int]) -> str:
    """The packages that most rests on."""
    rows = [
        (place, name, f"{100 * share:.1f} %", importers[name])
        for place, (name, share) in enumerate(list(ranks.items())[:_ROWS], start=1)
    ]
    return (
        "## What everything rests on\n\n"
        "PageRank over packages, without the test suites and without imports that wait inside a function: "
        "a package counts as much as those that import it.\n\n" + table(("", "package", "rank", "imported by"), rows)
    )


def cycle_section(eager: Sequence[Sequence[str]], every: Sequence[Sequence[str]]) -> str:
    """Who imports each other, and what imports inside functions hide."""
    section = "## Cycles\n\n"
    section += f"Groups of modules that import each other while they are imported: {len(eager)}.\n\n"
    section += "".join(f"- {name_some(group)}\n" for group in eager)
    if every:
        section += (
            "\nImports that wait inside functions keep the groups that small. With those, the largest would "
            f"have {len(every[0])} modules: {name_some(every[0])}.\n"
        )
    return section


def elsewhere_section(elsewhere: Mapping[str, int]) -> str:
    """What is imported and is no file of the library."""
    common = sorted(elsewhere.items(), key=lambda item: (-item[1], item[0]))[:_ROWS]
    return (
        "## Imported from elsewhere\n\n"
        f"{count(len(elsewhere), 'name')} belong to no source file here: written in C, of another system, or "
        "made up by a test. The most common, with the number of modules that import them:\n\n"
        + ", ".join(f"`{name}` {times}" for name, times in common)
        + "\n"
    )


def problem_section(problems: Mapping[str, str]) -> str:
    """What could not be parsed, and why."""
    section = f"## Not parsed\n\nFiles that are no Python of this release: {len(problems)}.\n\n"
    return section + "".join(f"- `{module}`: {problem}\n" for module, problem in sorted(problems.items()))


def count(number: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def name_some(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    shown = ", ".join(f"`{name}`" for name in names[:_NAMES])
    return shown if len(names) <= _NAMES else f"{shown} and {len(names) - _NAMES:,} more"


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table, numbers to the right."""
    numeric = [bool(rows) and isinstance(cell, int) for cell in (rows[0] if rows else head)]
    lines = [head, [("---:" if right else "---") for right in numeric]]
    lines += [[f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
