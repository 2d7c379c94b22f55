"""What data came from and what they fed, in lines of text. Asks nothing, prints nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from redux.cli.render import dim, indent, printable, strong
from redux.files.facts import shown_text
from redux.lineage.graph import Datum, Edge, EdgeKind, FileAt, Lineage, Node, Step, Whence
from redux.lineage.origin import origin_of, written_by
from redux.words.jobs import cut, short
from redux.words.measures import show_count

_K = EdgeKind
_ALIKE = 3
"""How many of one task beside each other are shown before the rest is counted."""
_DEEP = 30
"""How many steps one below the other are shown."""
_LINES = 400
"""How many lines in all."""
_PAGE = 40
"""How many of them on the page of a value or file."""


def lineage_text(lineage: Lineage, upstream: bool, downstream: bool, width: int) -> list[str]:
    """What the roots of a lineage came from, what they fed, or both; each call with its own once."""
    lines: list[str] = []
    for root in lineage.roots:
        node = lineage.nodes[root]
        lines.append(strong(_shown(_name(node), width)) + _behind(node))
        for asked, head, tree in ((upstream, "from", _Upstream), (downstream, "fed", _Downstream)):
            if not asked:
                continue
            found = tree(lineage, width).lines(root)
            lines += [head, *indent(found)] if found else [dim(f"{head} nothing that is recorded")]
    if len(lines) > _LINES:
        lines = [*lines[:_LINES], dim(f"and {len(lines) - _LINES:,} more lines; --depth shows less, --json all")]
    return [*lines, dim(_counts(lineage))]


def came_from(lineage: Lineage, root: str, width: int) -> list[str]:
    """What a root came from: the arguments of the call that made it, or where it was given or made by code."""
    tree, made = _Upstream(lineage, width), written_by(lineage, root)
    if made is None or made.step is None:
        return [] if isinstance(lineage.nodes[root], FileAt) else tree.lines(root)
    lines = tree.lines(made.step.id) or tree.parts(made.datum)
    if len(lines) > _PAGE:
        lines = [*lines[:_PAGE], dim(f"and {len(lines) - _PAGE:,} more lines; --upstream shows them")]
    return lines


def _counts(lineage: Lineage) -> str:
    calls = show_count(len(lineage.steps), "call")
    return f"{calls}, {show_count(len(lineage.files), 'file')}, in {show_count(len(lineage.executions), 'execution')}"


def _name(node: Node) -> str:
    if isinstance(node, Step):
        return node.fullname
    return shown_text(node.path) if isinstance(node, FileAt) else node.preview


def _behind(node: Node) -> str:
    """What goes with a name: the job of a call, the content of a file, the hash of a value."""
    if isinstance(node, Step):
        return "  " + _step_id(node)
    if isinstance(node, FileAt):
        return "  " + dim(f"content {short(node.content)}" if node.content is not None else "not there")
    return "  " + dim(f"value {short(node.value)}")


def _step_id(step: Step) -> str:
    if step.job is not None:
        return dim(f"job {short(step.job.id)}")
    return dim(f"call {short(step.call)}")


@dataclass(slots=True)
class _Tree:
    lineage: Lineage
    width: int
    shown: set[str] = field(default_factory=set)
    order: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self.order = {id: at for at, id in enumerate(self.lineage.nodes)}

    def into(self, id: str, *kinds: EdgeKind) -> list[Edge]:
        return [edge for edge in self.lineage.into.get(id, ()) if edge.kind in kinds]

    def out_of(self, id: str) -> list[Edge]:
        return [edge for edge in self.lineage.out_of.get(id, ()) if edge.kind is not _K.CHILD]

    def few(self, ids: Sequence[str], task_of) -> Iterator[tuple[str, int]]:
        """The first few of each task, the last of them with how many more there are."""
        counted = Counter(task_of(id) for id in ids)
        met: Counter[str] = Counter()
        for id in ids:
            task = task_of(id)
            met[task] += 1
            if met[task] <= _ALIKE:
                yield id, counted[task] - _ALIKE if met[task] == _ALIKE else 0


class _Upstream(_Tree):
    """From what is asked about to its sources: arguments below the calls that they were of."""

    def lines(self, root: str) -> list[str]:
        node = self.lineage.nodes[root]
        if isinstance(node, Step):
            return self._arguments(root, 0)
        return self._file(root, 0) if isinstance(node, FileAt) else self._datum(root, "", 0)

    def _file(self, id: str, deep: int) -> list[str]:
        wrote = [edge.source for edge in self.into(id, _K.HOLDS)]
        return [line for one in wrote for line in self._datum(one, "", deep)]

    def _arguments(self, id: str, deep: int) -> list[str]:
        if id in self.shown or deep > _DEEP:
            return []
        self.shown.add(id)
        told = (tuple(self._datum(edge.source, edge.name, deep + 1)) for edge in self.into(id, _K.ARGUMENT))
        # Calls of one caller that history has several of may have made the same argument.
        return [line for lines in dict.fromkeys(told) for line in lines]

    def _datum(self, id: str, name: str, deep: int) -> list[str]:
        datum = self.lineage.nodes[id]
        assert isinstance(datum, Datum)
        head = _shown(f"{name} = {datum.preview}" if name else datum.preview, self.width * 2 // 3)
        if datum.whence is Whence.RESULT:
            return self._result(id, head, deep)
        held = [edge.source for edge in self.into(id, _K.HOLDS)]
        files = f"file {_listed(_name(self.lineage.nodes[one]) for one in held)}" if held else ""
        made = [edge.source for edge in self.into(id, _K.UPSTREAM)]
        callers = [edge.source for edge in self.into(id, _K.CODE)]
        below = [line for one in held for line in self._file(one, deep + 1)]
        for one, more in self.few(made, self._task_of):
            below += self._datum(one, "", deep + 1)
            below += [_more(more, self._task_of(one))] if more > 0 else []
        for caller in callers:
            below += self._arguments(caller, deep + 1)
        words = ", ".join(filter(None, (self._words(datum, made, callers, held), files)))
        return [f"{head}  {dim('← ' + words)}", *indent(below)]

    def _words(self, datum: Datum, made: Sequence[str], callers: Sequence[str], held: Sequence[str]) -> str:
        if datum.whence is Whence.GIVEN:
            return "given"
        if datum.whence is Whence.MADE:
            counted = Counter(self._task_of(one) for one in made)
            return "made of " + _listed(f"{task} ×{n:,}" if n > 1 else task for task, n in counted.items())
        # A file by itself came from that file; which code picked it says nothing more.
        return f"made by the code of {_shown(datum.task, 40)}" if callers or not held else ""

    def _task_of(self, id: str) -> str:
        datum = self.lineage.nodes[id]
        return datum.task if isinstance(datum, Datum) and datum.task else "values"

    def _result(self, id: str, head: str, deep: int) -> list[str]:
        """A result, with the innermost call that made it as it is, and those that only returned it."""
        origin = origin_of(self.lineage, id)
        within, id = origin.handed_on, origin.datum
        step = origin.step
        if step is None:
            return [f"{head}  {dim(f'← {_shown(self._task_of(id), 40)}, further back')}"]
        above = f" in {_listed(reversed(within))}" if within else ""
        again = ", shown above" if step.id in self.shown else ""
        lines = [f"{head}  ← {_shown(step.fullname, 40)}  {_step_id(step)}{dim(above + again)}"]
        if again:
            return lines
        return [*lines, *indent([*self._arguments(step.id, deep), *self.parts(id, deep)])]

    def parts(self, result: str, deep: int = 0) -> list[str]:
        """The results below that a result is made of."""
        lines: list[str] = []
        for one, more in self.few([edge.source for edge in self.into(result, _K.RETURNED)], self._task_of):
            lines += self._datum(one, "", deep + 1)
            lines += [_more(more, self._task_of(one))] if more > 0 else []
        return lines


class _Downstream(_Tree):
    """From what is asked about to all that it fed: calls, files, and the results that nothing used."""

    def lines(self, root: str) -> list[str]:
        return self._next(root, 0)

    def _next(self, id: str, deep: int) -> list[str]:
        lines: list[str] = []
        for one, more in self.few(self._reached(id), lambda id: _name(self.lineage.nodes[id])):
            lines += self._one(one, deep)
            lines += [_more(more, _name(self.lineage.nodes[one]))] if more > 0 else []
        return lines

    def _one(self, id: str, deep: int) -> list[str]:
        node = self.lineage.nodes[id]
        again = dim(", shown above") if id in self.shown else ""
        end = f"  → {_shown(self._gave(node), self.width // 2)}" if isinstance(node, Step) else ""
        role = "result of " if isinstance(node, Datum) else "file " if isinstance(node, FileAt) else ""
        name = _shown(node.task if isinstance(node, Datum) else _name(node), self.width // 2)
        shown = f"  → {_shown(node.preview, self.width // 2)}" if isinstance(node, Datum) else end
        line = f"{role}{name}{shown}{_behind(node)}{again}"
        if again or deep > _DEEP:
            return [line]
        self.shown.add(id)
        return [line, *indent(self._next(id, deep + 1))]

    def _gave(self, step: Step) -> str:
        gave = [self.lineage.nodes[edge.target] for edge in self.out_of(step.id) if edge.kind is _K.RESULT]
        return next((one.preview for one in gave if isinstance(one, Datum)), "no result")

    def _reached(self, id: str) -> list[str]:
        """The calls and files next to a node, and results of callers that end there; data between are passed."""
        found: dict[str, None] = {}
        met, waiting = {id}, [id]
        while waiting:
            at = waiting.pop()
            for edge in self.out_of(at):
                if edge.target in met:
                    continue
                met.add(edge.target)
                if not isinstance(self.lineage.nodes[edge.target], Datum) or (
                    edge.kind is _K.RETURNED and not self.out_of(edge.target)
                ):
                    found[edge.target] = None
                else:
                    waiting.append(edge.target)
        return sorted(found, key=self.order.__getitem__)


def _shown(text: str, width: int) -> str:
    """What somebody gave, in one line that steers no terminal."""
    return cut(printable(text), width)


def _more(count: int, task: str) -> str:
    return dim(f"and {count:,} more of {_shown(task, 40)}")


def _listed(names: Iterable[str], few: int = 4) -> str:
    every = [_shown(name, 40) for name in names]
    return ", ".join(every[:few]) + (f" and {len(every) - few:,} more" if len(every) > few else "")
