"""`redux export`: every format says the graph, is read by its libraries, and gives equal bytes for equal history."""

from __future__ import annotations

import io
import json
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path

import click
import networkx
import pytest

import redux
from redux.cli.lineage_text import lineage_text
from redux.cli.main import dispatch
from redux.errors import UsageError
from redux.exports import dot, mermaid
from redux.exports.crate_entities import action_id
from redux.exports.formats import GROUP, OWN, find_exporter, format_names
from redux.exports.openlineage import run_id
from redux.exports.places import file_uri
from redux.exports.prov import name_of
from redux.exports.ro_crate import code_files
from redux.exports.terms import CannotExport, Profile, Terms
from redux.file import File
from redux.lineage.asking import lineage_of, question_of
from redux.lineage.attributes import node_attributes
from redux.lineage.cutting import cut
from redux.lineage.graph import Datum, Direction, EdgeKind, Lineage, Node, Step
from redux.lineage.networks import NoNetworkx, to_networkx
from redux.repo import Repo
from redux.scheduler import Scheduler
from redux.task import task
from redux_backends.memory import MemoryBackend
from redux_backends.records import ExecutionId, JobId, Lease
from redux_valuestore.store import MemoryStore

from . import commands
from .crate_validator import faults
from .error_texts import compare, hold_to_golden

redux_namespace = "export"
_K = EdgeKind
GOLDEN = {
    "mermaid": "export_mermaid",
    "dot": "export_dot",
    "graphml": "export_graphml",
    "json": "export_json",
    "ro-crate": "export_ro_crate",
    "openlineage": "export_openlineage",
    "prov": "export_prov",
}
HOSTILE = "</script><b>\"'`]}|%s\\N{{x}}#;\n\r\x00\x1b[31m\u2028\ud800é"


@task
def count(text: str) -> int:
    return len(text)


@task
def total(counts: list[int], offset: int) -> int:
    return sum(counts) + offset


@task
def save(path: str, number: int) -> File:
    file = File(path)
    file.write(str(number))
    return file


@task
def main(texts: list[str], path: str) -> File:
    return save(path, total([count(text) for text in texts], 1))


@task
def fails(text: str) -> int:
    raise ValueError(text)


@task
def tries(text: str) -> int:
    return total([count(text), fails(text)], 1)


@task
def many(n: int) -> int:
    return total([count("x" * at) for at in range(n)], 0)


def lineage_by(expression: object) -> Lineage:
    repo = Repo(MemoryBackend(), MemoryStore())
    Scheduler(repo, executor="inline").execute(expression)
    return lineage_of(repo.backend, question_of(repo.backend, None))


def steady(lineage: Lineage) -> Lineage:
    """The same with ids, moments and places that are the same each time."""
    [execution] = lineage.executions
    id = ExecutionId(bytes(15) + b"\1")
    lease = Lease("host", "boot", 1, "then")
    execution = replace(
        execution, id=id, argv=("redux", "run"), user="ann", cwd="/work", started=1e9, ended=1e9 + 9, lease=lease
    )
    ids: dict[JobId, JobId] = {}
    nodes: dict[str, object] = {}
    for at, (key, node) in enumerate(lineage.nodes.items()):
        if isinstance(node, Step) and node.job is not None:
            ids[node.job.id] = JobId(bytes(15) + bytes([at + 16]))
            parent = ids[node.job.parent] if node.job.parent is not None else None
            moments = {"started": 1e9 + at, "ended": 1e9 + at + 0.5}
            job = replace(node.job, id=ids[node.job.id], parent=parent, execution=id, place="inline", **moments)
            node = replace(node, job=job, duration=0.5, recorded=1e9 + at)
        nodes[key] = node
    return replace(lineage, nodes=nodes, executions=[execution])  # pyright: ignore[reportArgumentType]


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lineage:
    """Two texts counted, added up and written."""
    monkeypatch.chdir(tmp_path)
    return steady(lineage_by(main(["ab", "c"], "out.txt")))


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lineage:
    """The same with names in which every format has something to escape."""
    monkeypatch.chdir(tmp_path)
    made = steady(lineage_by(main([HOSTILE], "out.txt")))
    nodes: dict[str, object] = {}
    for id, node in made.nodes.items():
        names = {Step: "fullname"}.get(type(node), "preview" if hasattr(node, "preview") else "path")
        nodes[id] = replace(node, **{names: HOSTILE})
    tasks = {hash: replace(one, fullname=HOSTILE) for hash, one in made.tasks.items()}
    edges = [replace(edge, name=HOSTILE) if edge.name else edge for edge in made.edges]
    people = [replace(one, user=HOSTILE, argv=(HOSTILE,), cwd="/" + HOSTILE) for one in made.executions]
    return replace(made, nodes=nodes, tasks=tasks, edges=edges, executions=people)  # pyright: ignore[reportArgumentType]


@pytest.fixture
def failed() -> Lineage:
    """A call that failed for one that failed below it."""
    return steady(lineage_by(tries("no")))


def written(format: str, lineage: Lineage, terms: Terms = Terms()) -> str:  # noqa: B008 - it is frozen
    return "".join(find_exporter(format).write(lineage, terms))


# -- the text --------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", OWN)
def test_the_example_in_every_format(small: Lineage, format: str) -> None:
    text = written(format, small).replace(f"urn:redux:{redux.version}", "urn:redux:<version>")
    text = text.replace(f'"softwareVersion": "{redux.version}"', '"softwareVersion": "<version>"')
    compare(GOLDEN[format], text)


@pytest.mark.parametrize("format", OWN)
def test_no_format_has_what_steers_a_terminal_or_a_page(hostile: Lineage, format: str) -> None:
    text = written(format, hostile)
    assert not {char for char in text if not char.isprintable()} - {"\n"}
    text.encode()
    if format in ("mermaid", "graphml"):
        assert "</script>" not in text


@pytest.mark.parametrize("format", OWN)
def test_previews_are_left_out(small: Lineage, format: str) -> None:
    secret = replace(small, nodes={id: _secretly(node) for id, node in small.nodes.items()})
    assert "secret" in written(format, secret)
    assert "secret" not in written(format, secret, Terms(previews=False))


def _secretly(node: Node) -> Node:
    return replace(node, preview="secret") if isinstance(node, Datum) else node


def test_the_graph_of_networkx_is_the_one_of_graphml_and_json(small: Lineage, hostile: Lineage) -> None:
    for lineage in (small, hostile):
        made = to_networkx(lineage)
        assert dict(made.nodes(data=True)) == {id: node_attributes(node) for id, node in lineage.nodes.items()}
        assert made.number_of_edges() == len(lineage.edges)
        said = json.loads(written("json", lineage))
        assert said["schema"] == "redux.lineage/1"
        assert {node.pop("id"): node for node in said["nodes"]} == dict(made.nodes(data=True))
        ends = [(edge["source"], edge["target"], edge["kind"], edge.get("name", "")) for edge in said["edges"]]
        assert ends == [(edge.source, edge.target, edge.kind, edge.name) for edge in lineage.edges]
        read = networkx.read_graphml(io.BytesIO(written("graphml", lineage).encode()))
        assert set(read.nodes) == set(made.nodes)
        assert sorted(kind for *_, kind in read.edges(data="kind")) == sorted(edge.kind for edge in lineage.edges)
    assert dict(networkx.read_graphml(io.BytesIO(written("graphml", small).encode())).nodes(data=True)) == dict(
        to_networkx(small).nodes(data=True)
    )


# -- what libraries read ---------------------------------------------------------------------------


def edges_of(lineage: Lineage, *kinds: EdgeKind) -> set[tuple[str, str]]:
    return {(edge.source, edge.target) for edge in lineage.edges if edge.kind in kinds}


@pytest.mark.parametrize("which", ["small", "hostile", "failed"])
def test_prov_is_the_same_graph(which: str, request: pytest.FixtureRequest) -> None:
    from prov.model import (
        ProvActivity,
        ProvAssociation,
        ProvCommunication,
        ProvDerivation,
        ProvDocument,
        ProvEntity,
        ProvGeneration,
        ProvMembership,
        ProvUsage,
    )

    lineage: Lineage = request.getfixturevalue(which)
    read = ProvDocument.deserialize(content=written("prov", lineage), format="json")

    def names(kind: type) -> set[str]:
        return {str(one.identifier) for one in read.get_records(kind)}

    def pairs(kind: type) -> set[tuple[str, str]]:
        return {tuple(str(value) for _, value in one.formal_attributes[:2]) for one in read.get_records(kind)}

    def expected(*kinds: EdgeKind) -> set[tuple[str, str]]:
        return {(name_of(target), name_of(source)) for source, target in edges_of(lineage, *kinds)}

    tasks = {f"redux:task.{hash.hex()}" for hash in lineage.tasks}
    assert names(ProvActivity) == {name_of(step.id) for step in lineage.steps}
    assert names(ProvEntity) == {name_of(one.id) for one in (*lineage.data, *lineage.files)} | tasks
    assert pairs(ProvUsage) == expected(_K.ARGUMENT)
    assert pairs(ProvGeneration) == expected(_K.RESULT, _K.CODE)
    assert pairs(ProvDerivation) == expected(_K.RETURNED, _K.UPSTREAM)
    assert pairs(ProvCommunication) == expected(_K.CHILD)
    held = {frozenset((name_of(one), name_of(other))) for one, other in edges_of(lineage, _K.HOLDS)}
    assert {frozenset(pair) for pair in pairs(ProvMembership)} == held
    assert len(list(read.get_records(ProvAssociation))) == len(lineage.steps)


@pytest.mark.parametrize("which", ["small", "hostile", "failed"])
def test_openlineage_is_the_same_graph(which: str, request: pytest.FixtureRequest) -> None:
    from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState

    lineage: Lineage = request.getfixturevalue(which)
    events: list[RunEvent] = []
    for line in written("openlineage", lineage).splitlines():
        said = json.loads(line)
        events.append(
            RunEvent(
                eventTime=said["eventTime"],
                producer=said["producer"],
                eventType=RunState[said["eventType"]],
                run=Run(**said["run"]),
                job=Job(**said["job"]),
                inputs=[InputDataset(**one) for one in said["inputs"]],
                outputs=[OutputDataset(**one) for one in said["outputs"]],
            )
        )
    begun = [event for event in events if event.eventType is RunState.START]
    ended = [event for event in events if event.eventType is not RunState.START]
    steps = {run_id(step): step for step in lineage.steps}
    assert {event.run.runId for event in begun} == {event.run.runId for event in ended} == set(steps)
    assert {event.job.name for event in begun} == {step.fullname for step in lineage.steps}
    given = {(one.name, steps[event.run.runId].id) for event in begun for one in event.inputs or []}
    assert given == edges_of(lineage, _K.ARGUMENT)
    gave = {(steps[event.run.runId].id, one.name) for event in ended for one in event.outputs or []}
    assert gave == edges_of(lineage, _K.RESULT, _K.CODE)
    every = [one for event in events for one in (*(event.inputs or []), *(event.outputs or []))]
    origins = {
        (source["node"], one.name)
        for one in every
        for source in facet(one.facets, "redux_origin").get("sources", ())
        if source["kind"] not in ("code", "holds")
    }
    assert origins == edges_of(lineage, _K.RETURNED, _K.UPSTREAM)
    files = {held["node"] for one in every for held in facet(one.facets, "redux_files").get("files", ())}
    assert files == {file.id for file in lineage.files}
    called = {
        (node, steps[event.run.runId].id)
        for event in begun
        for node in facet(event.run.facets, "redux_callers").get("nodes", ())
    }
    assert called == edges_of(lineage, _K.CHILD)


def facet(facets: Mapping[str, object] | None, name: str) -> Mapping:
    found = (facets or {}).get(name, {})
    assert isinstance(found, Mapping)
    return found


def listed(value: object) -> list:
    return value if isinstance(value, list) else [] if value is None else [value]


@pytest.mark.parametrize("which", ["small", "hostile", "failed"])
def test_a_crate_is_the_same_graph(which: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    from rocrate.rocrate import ROCrate

    lineage: Lineage = request.getfixturevalue(which)
    write_crate(tmp_path / "crate", lineage, Terms())
    crate = ROCrate(tmp_path / "crate")
    entities = {entity.id: entity for entity in crate.get_entities()}
    actions = {id: one for id, one in entities.items() if one.type == "CreateAction"}
    assert set(actions) == {action_id(step) for step in lineage.steps}
    values = {id for id, one in entities.items() if one.type == "PropertyValue"}
    assert values == {f"#{datum.id}" for datum in lineage.data}
    uris = {file_uri(file, lineage): file.id for file in lineage.files}
    assert uris.keys() <= entities.keys()

    def pairs(name: str, sources: Mapping[str, object]) -> set[tuple[str, str]]:
        return {(id, one.id) for id in sources for one in listed(entities[id].get(name))}

    def expected(*kinds: EdgeKind) -> set[tuple[str, str]]:
        return {(f"#{target}", f"#{source}") for source, target in edges_of(lineage, *kinds)}

    assert pairs("object", actions) == expected(_K.ARGUMENT)
    assert {(one, other) for other, one in pairs("result", actions)} == expected(_K.RESULT, _K.CODE)
    assert pairs("isPartOf", actions) == expected(_K.CHILD)
    assert pairs("isBasedOn", dict.fromkeys(values)) == expected(_K.RETURNED, _K.UPSTREAM)
    held = {frozenset((id, f"#{uris[uri]}")) for id, uri in pairs("valueReference", dict.fromkeys(values))}
    assert held == {frozenset((f"#{one}", f"#{other}")) for one, other in edges_of(lineage, _K.HOLDS)}
    names = {
        (one.get("name"), link.id)
        for one in entities.values()
        if one.type == "FormalParameter" and one.id.startswith("#input")
        for link in listed(one.get("workExample"))
    }
    assert names == {(edge.name, f"#{edge.source}") for edge in lineage.edges if edge.kind is _K.ARGUMENT}


def write_crate(folder: Path, lineage: Lineage, terms: Terms) -> None:
    for name, text in code_files(lineage, terms).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8", errors="backslashreplace")
    (folder / "ro-crate-metadata.json").write_text(written("ro-crate", lineage, terms))


@pytest.mark.parametrize("profile", Profile)
@pytest.mark.parametrize("which", ["small", "hostile", "failed"])
def test_crates_are_valid_by_their_profiles(
    profile: Profile, which: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    lineage: Lineage = request.getfixturevalue(which)
    write_crate(tmp_path / "crate", lineage, Terms(profile=profile, license="https://spdx.org/licenses/CC0-1.0"))
    assert faults(tmp_path / "crate", f"{profile}-run-crate") == []


def test_a_provenance_crate_needs_a_workflow(small: Lineage, hostile: Lineage) -> None:
    alone = cut(small, [small.steps[-1].id], Direction.BOTH, 0)
    with pytest.raises(CannotExport, match="whose first call calls other tasks; --profile process fits"):
        written("ro-crate", alone, Terms(profile=Profile.PROVENANCE))
    assert "provenance/0.5" not in written("ro-crate", alone)


# -- pictures --------------------------------------------------------------------------------------


def test_a_picture_of_too_many_is_one_of_tasks() -> None:
    lineage = lineage_by(many(600))
    for format, module in (("mermaid", mermaid), ("dot", dot)):
        assert len(lineage.nodes) > module.LIMIT
        told = find_exporter(format).describe(lineage, Terms())
        assert told is not None
        assert "nodes are too many for a picture" in told
        drawn = written(format, lineage)
        assert "export.count ×600" in drawn
        assert drawn.count("\n") < 30
        whole = written(format, lineage, Terms(whole=True))
        assert whole.count("\n") > 1_800
        assert find_exporter(format).describe(lineage, Terms(whole=True)) is None


def test_boxes_and_arrows_are_those_of_the_graph(small: Lineage) -> None:
    flow = [edge for edge in small.edges if edge.kind is not _K.CHILD]
    for format, arrow in (("mermaid", " --> "), ("mermaid", " -->"), ("dot", " -> ")):
        text = written(format, small)
        assert text.count(arrow) == len(flow) or (format, arrow) == ("mermaid", " --> ")
    assert mermaid.escape('a"<b>`') == "a#34;#60;b#62;#96;"
    assert dot.quote('a"\\n') == '"a\\"\\\\n"'


# -- the command -----------------------------------------------------------------------------------

FLOW = """
from redux import File, task

@task
def count(file: File) -> int:
    return len(file.read())

@task
def save(path: str, n: int) -> File:
    file = File(path)
    file.write(str(n))
    return file

@task
def main(file: File) -> File:
    return save("out.txt", count(file))
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which `main` ran."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "flow.py").write_text(FLOW)
    (tmp_path / "in.txt").write_text("four")
    commands.told(tmp_path, "run", "flow.py", "main", "--file", "in.txt")
    return tmp_path


def test_the_command_writes_files_and_folders(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for format in format_names():
        assert dispatch(["export", "--format", format, "-o", f"made/{format}.json"]) == 0
        first = Path(f"made/{format}.json").read_bytes()
        assert dispatch(["export", "out.txt", "--format", format]) == 0
        assert dispatch(["export", "--format", format, "-o", f"made/{format}.json"]) == 0
        assert Path(f"made/{format}.json").read_bytes() == first
    assert not [name for name in os.listdir("made") if "part" in name]
    assert dispatch(["export", "--format", "ro-crate", "-o", "crate"]) == 0
    assert faults(project / "crate", "provenance-run-crate") == []
    graph = redux.graph("out.txt")
    capsys.readouterr()
    assert dispatch(["log", "out.txt", "--upstream", "--json"]) == 0
    assert {node["id"] for node in json.loads(capsys.readouterr().out)["nodes"]} == set(graph.nodes)
    assert {one["kind"] for _, one in redux.graph().nodes(data=True)} == {"call", "value", "file"}
    [execution] = redux.graph().graph["executions"]
    assert redux.graph("in.txt", direction="downstream", execution=execution["execution"][:8]).number_of_nodes() > 5


def test_upstream_and_downstream_as_people_read_them(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["out.txt", "--upstream"], ["in.txt", "--downstream"], ["out.txt", "--depth", "1"]):
        assert dispatch(["log", *words]) == 0
    compare("lineage_text", re.sub("job [0-9a-f]{8}", "job <id>", capsys.readouterr().out))


def test_what_people_read_steers_no_terminal(hostile: Lineage) -> None:
    lines = lineage_text(replace(hostile, roots=tuple(hostile.nodes)), True, True, 100)
    assert all(click.unstyle(line).isprintable() and "\x1b[31m" not in line for line in lines)


ASKED_WRONGLY = {
    "a format that is none": (["export", "--format", "mermeid"], "there is no format 'mermeid'; did you mean"),
    "a picture's option": (["export", "--format", "json", "--whole"], "--whole is for mermaid and dot"),
    "a crate's option": (["export", "--license", "MIT"], "--profile and --license are for ro-crate"),
    "nothing known": (["export", "nothing.csv"], "'nothing.csv' starts no id, and no recorded call"),
    "a direction of an execution": (["export", "--upstream"], "a whole execution has no upstream or downstream"),
    "a direction of nothing": (["log", "--upstream"], "follow what is named"),
    "a direction of jobs": (["log", "out.txt", "--failed", "--upstream"], "follow what is named"),
    "an execution that is none": (["export", "out.txt", "--execution", "in.txt"], "in.txt is no execution"),
    "a place that cannot be": (["export", "-o", "flow.py/x.json"], "flow.py/x.json cannot be written"),
    "a place without a name": (["export", "-o", ""], "--output has no name"),
    "a folder for a file": (["export", "-o", "."], ". is a folder; name a file in it"),
    "a crate that does not fit": (
        ["export", "out.txt", "--depth", "0", "--format", "ro-crate", "--profile", "provenance", "-o", "crate"],
        "this cannot be exported as a Provenance Run Crate",
    ),
}


@pytest.mark.parametrize("name", ASKED_WRONGLY)
def test_what_is_asked_wrongly_is_one_line(name: str, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words, said = ASKED_WRONGLY[name]
    assert dispatch(words) == 2
    told = capsys.readouterr()
    assert said in told.err
    assert told.err.count("\n") == 1
    assert not told.out
    assert {path.name for path in project.iterdir()} == {".redux", "flow.py", "in.txt", "out.txt"}


def test_a_format_that_a_package_adds_and_cannot_be_loaded_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("broken", "no_such_package:EXPORTER", GROUP)
    monkeypatch.setattr("redux.exports.formats.entry_points", lambda **named: [point])
    with pytest.raises(UsageError, match=r"'broken', no_such_package:EXPORTER, cannot be loaded \(ModuleNotFound"):
        find_exporter("broken")


def test_errors_of_exports_say_what_helps(small: Lineage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "networkx", None)
    alone = cut(small, [small.steps[-1].id], Direction.BOTH, 0)
    terms = Terms(profile=Profile.PROVENANCE)
    hold_to_golden(
        "export_errors",
        {
            "GraphML without networkx": lambda: written("graphml", small),
            "a Provenance Run Crate of one call": lambda: written("ro-crate", alone, terms),
        },
    )


def test_without_networkx_the_rest_goes_on(small: Lineage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "networkx", None)
    with pytest.raises(NoNetworkx, match="redux-cache"):
        written("graphml", small)
    assert written("json", small)
