"""Who imports whom in the Python standard library: a real job of some 3,600 tasks.

    redux run examples/stdlib_imports.py main --out out

reads every module of the library it runs on and writes `out/report.md` with a picture, `out/imports.svg`.
The work is done by ordinary functions in the modules beside this one; here is what depends on what. Edit any
of those functions, run again, and only the tasks that use it run. Needs networkx.
"""

from __future__ import annotations

import os
import platform
import sysconfig
from pathlib import Path

import stdlib_graph as graphs
import stdlib_report as report
from stdlib_picture import draw_circle
from stdlib_report import Folder
from stdlib_source import Lines, Outline, count_lines, decode, module_name, package_name, read_outline

from redux import File, task

LIBRARY = sysconfig.get_path("stdlib")
RELEASE = platform.python_version()


@task
def main(out: str = "out", library: str = LIBRARY, release: str = RELEASE) -> File:
    """The report on the library in the folder `library`, written into the folder `out`."""
    return survey(find_sources(library, release), release, out)


@task
def find_sources(library: str, release: str) -> dict[str, File]:
    """The library's source files by their path inside it.

    Folders nothing can be imported from are left out, site-packages among them. The list is remembered while
    all its files are as they were: an installed release gains none, and another release is another argument.
    """
    paths: list[Path] = []
    for folder, inner, names in os.walk(library):
        inner[:] = [name for name in inner if name.isidentifier() and name != "__pycache__"]
        paths += [Path(folder, name) for name in names if name.endswith(".py")]
    if not paths:
        raise FileNotFoundError(f"no Python source in {library}; name a folder that has some with --library")
    return {path.relative_to(library).as_posix(): File(str(path)) for path in sorted(paths)}


@task
def survey(sources: dict[str, File], release: str, out: str) -> File:
    """Two calls a file, and those that bring the results together."""
    outlines = {module_name(path): outline(file, package_name(path)) for path, file in sources.items()}
    lines = {module_name(path): measure(file) for path, file in sources.items()}
    links = resolve(outlines)
    packages = fold(links.eager)
    ranks = rank(packages)
    sections = [
        describe_sizes(release, sum_up(outlines, lines)),
        describe_ranks(ranks, packages),
        describe_cycles(cycles(links.eager), cycles(links.every)),
        describe_elsewhere(links.elsewhere),
        describe_problems(outlines),
    ]
    picture = draw(f"{out}/imports.svg", release, packages, ranks, cycles(packages))
    return write_report(f"{out}/report.md", release, picture, sections)


# Parsing takes nearly all of the time and keeps other threads of its process waiting.
@task(executor="processes")
def outline(file: File, package: str) -> Outline:
    """A file's imports, functions and classes, by its syntax tree."""
    return read_outline(file.read("rb"), package)


@task
def measure(file: File) -> Lines:
    """A file's lines, by their text alone: a file that can't be parsed has lines too."""
    return count_lines(decode(file.read("rb")))


@task
def resolve(outlines: dict[str, Outline]) -> graphs.Links:
    """The modules that each module imports."""
    return graphs.link({module: found.imports for module, found in outlines.items()})


@task
def fold(graph: graphs.Graph) -> graphs.Graph:
    """The imports between packages, tests left out."""
    return graphs.fold_packages(graphs.leave_out_tests(graph))


@task
def rank(graph: graphs.Graph) -> dict[str, float]:
    """How much of the graph rests on each module, most first."""
    return graphs.rank_modules(graph)


@task
def cycles(graph: graphs.Graph) -> list[list[str]]:
    """Groups of modules that import each other, tests left out, largest first."""
    return graphs.find_cycles(graphs.leave_out_tests(graph))


@task
def sum_up(outlines: dict[str, Outline], lines: dict[str, Lines]) -> list[Folder]:
    """The sizes of the library's packages."""
    return report.add_up(outlines, lines)


@task
def describe_sizes(release: str, folders: list[Folder]) -> str:
    """The report's section on sizes."""
    return report.size_section(release, folders)


@task
def describe_ranks(ranks: dict[str, float], graph: graphs.Graph) -> str:
    """The report's section on what everything rests on."""
    return report.rank_section(ranks, graphs.count_importers(graph))


@task
def describe_cycles(eager: list[list[str]], every: list[list[str]]) -> str:
    """The report's section on cycles."""
    return report.cycle_section(eager, every)


@task
def describe_elsewhere(elsewhere: dict[str, int]) -> str:
    """The report's section on imports that no file here answers."""
    return report.elsewhere_section(elsewhere)


@task
def describe_problems(outlines: dict[str, Outline]) -> str:
    """The report's section on files that could not be parsed."""
    problems = {module: found.problem for module, found in outlines.items() if found.problem}
    return report.problem_section(problems)


@task
def draw(path: str, release: str, graph: graphs.Graph, ranks: dict[str, float], groups: list[list[str]]) -> File:
    """The picture of the packages that most rests on."""
    picture = File(path)
    picture.write(draw_circle(f"What Python {release}'s standard library rests on", graph, ranks, groups))
    return picture


@task
def write_report(path: str, release: str, picture: File, sections: list[str]) -> File:
    """The report, with the picture first."""
    written = File(path)
    written.write(report.whole_report(release, Path(picture.path).name, sections))
    return written
