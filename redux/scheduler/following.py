"""Which rule made which call of a plan, and what it had read by then."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import Any

from redux.expression import RuleCall
from redux.nested import lazies_in
from redux.scheduler.evaluate import Evaluator
from redux.scheduler.jobs import Cell, RuleCell, Scope
from redux.value import Lazy


class Following(Evaluator):
    """An evaluator that knows which rule made which call, and what the rule had read by then."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._asking: Cell | None = None
        self._asked_by: dict[Cell, Cell] = {}
        self._rule_of: dict[Cell, RuleCell] = {}
        self._lazy_of: dict[Cell, Lazy] = {}
        self._given: dict[RuleCell, frozenset[int]] = {}
        self._read: dict[Cell, tuple[Lazy, ...]] = {}

    def _wait_for_inputs(self, cell: Cell) -> None:
        self._asking = cell
        super()._wait_for_inputs(cell)

    def _make_cell(self, lazy: Lazy, scope: Scope) -> Cell:
        cell = super()._make_cell(lazy, scope)
        if self._asking is not None:
            self._asked_by[cell] = self._asking
        self._lazy_of[cell] = lazy
        return cell

    def _step(self, cell: RuleCell) -> None:
        super()._step(cell)
        for part in cell.current:
            self._rule_of[part] = self._asked_by[part] = cell

    def read_for(self, cell: Cell) -> Sequence[Lazy]:
        """What rules had read when they made the call that a cell is for, or one that it is an argument of.

        What a rule was given and only passes on was not made by it.
        """
        line: list[Cell] = []
        current: Cell | None = cell
        while current is not None and current not in self._read:
            line.append(current)
            current = self._asked_by.get(current)
        read = () if current is None else self._read[current]
        for one in reversed(line):
            asking = self._asked_by.get(one)
            rule = None if asking is None else self._rule_of.get(asking)
            if rule is not None and id(self._lazy_of.get(one)) not in self._given_to(rule):
                read = (*read, *_read_before(asking, rule))
            self._read[one] = read
        return read

    def _given_to(self, rule: RuleCell) -> frozenset[int]:
        known = self._given.get(rule)
        if known is None:
            call = self._lazy_of.get(rule)
            given = lazies_in((call._args, call._kwargs)) if isinstance(call, RuleCall) else []
            known = self._given[rule] = frozenset(map(id, given))
        return known


def _read_before(part: Cell | None, rule: RuleCell) -> list[Lazy]:
    earlier = takewhile(lambda one: one is not part, rule.parts)
    return [lazy for one in earlier for lazy in lazies_in([one.value])]
