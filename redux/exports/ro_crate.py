"""RO-Crate: a Process Run Crate, or a Provenance Run Crate where one workflow was run; the code lies beside it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from redux.exports.crate_entities import Entity, action_id, data_entities, file_entities, parameters_of, person_id, ref
from redux.exports.places import ended, failed, moment, root_step, started
from redux.exports.terms import CannotExport, Exporter, Profile, Terms
from redux.lineage.graph import EdgeKind, Lineage, Step
from redux.release import version
from redux.secret_names import redacted_words
from redux_backends.records import TaskRecord

_K = EdgeKind
CRATE = "https://w3id.org/ro/crate/1.1"
_RUN = "https://w3id.org/ro/wfrun"
_WORKFLOW = "https://w3id.org/workflowhub/workflow-ro-crate/1.0"
_PROFILES: Mapping[Profile, Mapping[str, str]] = {
    Profile.PROCESS: {f"{_RUN}/process/0.5": "Process Run Crate"},
    Profile.PROVENANCE: {
        f"{_RUN}/process/0.5": "Process Run Crate",
        f"{_RUN}/workflow/0.5": "Workflow Run Crate",
        f"{_RUN}/provenance/0.5": "Provenance Run Crate",
        _WORKFLOW: "Workflow RO-Crate",
    },
}
_NO_LICENSE = "No license was stated for this data; ask who made it."
_ENGINE = "#redux"


def write_crate(lineage: Lineage, terms: Terms) -> Iterator[str]:
    """The crate's `ro-crate-metadata.json`. Raises `CannotExport` where a profile is asked for that does not fit."""
    profile = profile_of(lineage, terms)
    context = [f"{CRATE}/context", "https://w3id.org/ro/terms/workflow-run/context"]
    yield f'{{"@context": {json.dumps(context)},\n"@graph": [\n'
    between = ""
    for entity in _Crate(lineage, terms, profile).entities():
        yield between + json.dumps({name: _alone(value) for name, value in entity.items()})
        between = ",\n"
    yield "\n]}\n"


def _alone(value: object) -> object:
    """A list of one as that one, as RO-Crate asks."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def profile_of(lineage: Lineage, terms: Terms) -> Profile:
    """The profile of the crate: the one asked for, else the fuller that fits. Raises `CannotExport`."""
    root = root_step(lineage)
    fits = root is not None and any(step.task_hash != root.task_hash for step in lineage.steps)
    if terms.profile is None:
        return Profile.PROVENANCE if fits else Profile.PROCESS
    if terms.profile is Profile.PROVENANCE and not fits:
        raise CannotExport(
            "a Provenance Run Crate",
            "that is of one execution whose first call calls other tasks; --profile process fits",
        )
    return terms.profile


def code_files(lineage: Lineage, terms: Terms) -> dict[str, str]:
    """The code of each task as recorded, by its path in the crate."""
    return {code_path(task): code_text(task) for task in lineage.tasks.values()}


def code_path(task: TaskRecord) -> str:
    """Where the code of a task lies in the crate."""
    return f"code/{re.sub('[^A-Za-z0-9._-]', '_', task.fullname)}-{task.hash.hex()[:12]}.py"


def code_text(task: TaskRecord) -> str:
    """The code of a task, piece by piece."""
    pieces = (f"# {piece.kind} {' '.join(piece.name.split())}\n{piece.source.rstrip()}\n" for piece in task.pieces)
    return "\n\n".join(pieces) or "# its code was not recorded\n"


class _Crate:
    def __init__(self, lineage: Lineage, terms: Terms, profile: Profile) -> None:
        self._lineage = lineage
        self._terms = terms
        self._root = root_step(lineage) if profile is Profile.PROVENANCE else None
        self._profile = profile
        self._parameters = parameters_of(lineage)

    def entities(self) -> Iterator[Entity]:
        """All entities, the descriptor and the crate itself first."""
        yield self._descriptor()
        yield self._dataset()
        for uri, name in _PROFILES[self._profile].items():
            words = uri.rsplit("/", 1)
            yield {"@id": uri, "@type": "CreativeWork", "name": name, "version": words[1]}
        if "://" in (self._terms.license or ""):
            yield {"@id": self._terms.license, "@type": "CreativeWork", "name": self._terms.license}
        for id, name in {person_id(one): one.user for one in self._lineage.executions}.items():
            yield {"@id": id, "@type": "Person", "name": name}
        for task in self._lineage.tasks.values():
            yield self._tool(task)
        yield _python()
        yield from self._parameters.entities()
        yield from data_entities(self._lineage, self._terms.previews, self._parameters)
        yield from file_entities(self._lineage)
        for step in self._lineage.steps:
            yield self._action(step)
        if self._root is not None:
            yield from self._orchestration(self._root)

    # -- the crate ---------------------------------------------------------------------------------

    def _descriptor(self) -> Entity:
        conforms = [ref(CRATE), *([ref(_WORKFLOW)] if self._root is not None else [])]
        return {
            "@id": "ro-crate-metadata.json",
            "@type": "CreativeWork",
            "about": ref("./"),
            "conformsTo": conforms,
        }

    def _dataset(self) -> Entity:
        lineage = self._lineage
        named = self._root.fullname if self._root is not None else "what was asked about"
        last = max((ended(step) or started(step) for step in lineage.steps), default=0.0)
        parts = [ref(code_path(task)) for task in lineage.tasks.values()]
        parts += [ref(file["@id"]) for file in file_entities(lineage)]
        said = self._terms.license or _NO_LICENSE
        people = [ref(id) for id in dict.fromkeys(person_id(one) for one in lineage.executions)]
        main = {"mainEntity": ref(self._code(self._root))} if self._root is not None else {}
        return {
            "@id": "./",
            "@type": "Dataset",
            "name": f"Run of {named}",
            "description": f"The calls of tasks behind {named}, as redux recorded them, with their values and files.",
            "datePublished": moment(last),
            "license": ref(said) if "://" in said else said,
            **({"author": people} if people else {}),
            "conformsTo": [ref(uri) for uri in _PROFILES[self._profile]],
            "hasPart": parts,
            "mentions": [ref(action_id(step)) for step in lineage.steps] + ([ref(_RUN_ID)] if self._root else []),
            **main,
        }

    def _code(self, step: Step) -> str:
        return code_path(self._lineage.tasks[step.task_hash])

    def _tool(self, task: TaskRecord) -> Entity:
        is_main = self._root is not None and task.hash == self._root.task_hash
        kinds = ["File", "SoftwareSourceCode", *(["ComputationalWorkflow", "HowTo"] if is_main else [])]
        found: Entity = {
            "@id": code_path(task),
            "@type": kinds,
            "name": task.fullname,
            "description": f"Code of the task {task.fullname}, as recorded.",
            "identifier": task.hash.hex(),
            "version": task.version or task.hash.hex()[:12],
            "programmingLanguage": ref(_PYTHON),
            "encodingFormat": "text/x-python",
            "contentSize": str(len(code_text(task).encode(errors="replace"))),
        }
        for name in ("input", "output"):
            said = self._parameters.named(task.hash, name)
            found |= {name: [ref(one) for one in said]} if said else {}
        if is_main:
            others = [one for one in self._lineage.tasks.values() if one.hash != task.hash]
            found |= {"hasPart": [ref(code_path(one)) for one in others]}
            found |= {"step": [ref(_how_to(one)) for one in others]}
        return found

    # -- what ran ----------------------------------------------------------------------------------

    def _action(self, step: Step) -> Entity:
        into, out_of = self._lineage.into.get(step.id, ()), self._lineage.out_of.get(step.id, ())
        end = ended(step)
        execution = next((one for one in self._lineage.executions if step.job and one.id == step.job.execution), None)
        found: Entity = {
            "@id": action_id(step),
            "@type": "CreateAction",
            "name": f"Call of {step.fullname}",
            "description": f"{'Failed call' if failed(step) else 'Call'} of the task {step.fullname}.",
            "identifier": step.id,
            "instrument": ref(self._code(step)),
            "object": [ref(f"#{edge.source}") for edge in into if edge.kind is _K.ARGUMENT],
            "result": [ref(f"#{edge.target}") for edge in out_of if edge.kind in (_K.RESULT, _K.CODE)],
            "startTime": moment(started(step)),
            "actionStatus": f"http://schema.org/{'Failed' if failed(step) else 'Completed'}ActionStatus",
        }
        found |= {"endTime": moment(end)} if end is not None else {}
        callers = [ref(f"#{edge.source}") for edge in into if edge.kind is _K.CHILD]
        found |= {"isPartOf": callers} if callers else {}
        if execution is not None:
            found |= {"agent": ref(person_id(execution))}
        if failed(step):
            found |= {"error": self._error(step)}
        return found

    def _error(self, step: Step) -> str:
        gave = [
            self._lineage.nodes[one.target] for one in self._lineage.out_of.get(step.id, ()) if one.kind is _K.RESULT
        ]
        shown = [getattr(one, "preview", "") for one in gave]
        return shown[0] if shown and self._terms.previews else "failed"

    def _orchestration(self, root: Step) -> Iterator[Entity]:
        """The engine, the steps of the workflow, and each call as the run of one."""
        yield {
            "@id": _ENGINE,
            "@type": "SoftwareApplication",
            "name": "redux",
            "softwareVersion": version,
            "description": "Runs tasks and remembers their results.",
        }
        others = [task for task in self._lineage.tasks.values() if task.hash != root.task_hash]
        for position, task in enumerate(others):
            yield {
                "@id": _how_to(task),
                "@type": "HowToStep",
                "name": task.fullname,
                "position": str(position),
                "workExample": ref(code_path(task)),
            }
        below = [step for step in self._lineage.steps if step.task_hash != root.task_hash]
        for step in below:
            yield {
                "@id": f"#control:{step.id}",
                "@type": "ControlAction",
                "name": f"Orchestration of {step.fullname}",
                "instrument": ref(_how_to(self._lineage.tasks[step.task_hash])),
                "object": ref(action_id(step)),
            }
        execution = self._lineage.executions[0]
        yield {
            "@id": _RUN_ID,
            "@type": "OrganizeAction",
            "name": f"Run of {root.fullname}",
            "description": json.dumps(list(redacted_words(execution.argv))),
            "identifier": execution.id.hex(),
            "agent": ref(person_id(execution)),
            "instrument": ref(_ENGINE),
            "object": [ref(f"#control:{step.id}") for step in below],
            "result": ref(action_id(root)),
            "startTime": moment(execution.started),
            **({"endTime": moment(execution.ended)} if execution.ended is not None else {}),
        }


_RUN_ID = "#run"
_PYTHON = "https://w3id.org/workflowhub/workflow-ro-crate#python"


def _python() -> Entity:
    return {
        "@id": _PYTHON,
        "@type": "ComputerLanguage",
        "name": "Python",
        "identifier": ref("https://www.python.org/"),
        "url": ref("https://www.python.org/"),
    }


def _how_to(task: TaskRecord) -> str:
    return f"#step:{task.hash.hex()}"


EXPORTER = Exporter(write_crate, attach=code_files, main_file="ro-crate-metadata.json")
