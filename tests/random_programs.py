"""Programs made by chance: tasks that call each other, plainly and by rules, and fail now and then; edits of them."""

from __future__ import annotations

import random

_HEAD = """
from redux import task
from redux.functools import as_task, catch, cond, map_, seq

def number(x):
    return x if isinstance(x, int) else 1

def kept(x):
    return x % 5

def refused(x, value):
    if x == 2:
        raise ValueError(x)
    return value

@task
def recover(error):
    return 7

@task
def listed(n):
    return [each for each in range(number(n) % 4)]
"""
_LEAVES, _CALLERS = 4, 5
_EDITS = (
    ("", ""),
    ("x % 5", "x % 6"),
    ("x % 5", "(x + 0) % 5"),
    ("return 7", "return 8"),
    ("range(number", "range(0 + number"),
    ("caller2(a, b):\n", "caller2(a, b):\n    a = a\n"),
    ("main(a, b):\n", "main(a, b):\n    b = b\n"),
)


def program(chance: random.Random) -> str:
    """The text of a program whose task `main` takes two numbers."""
    tasks: list[str] = []
    names: list[str] = []
    for at in range(_LEAVES):
        value = f"kept(number(a) * {chance.randint(1, 3)} + number(b))"
        value = f"refused(number(a), {value})" if chance.random() < 0.25 else value
        option = chance.choice(["", "", "", "(cache=False)", "(check_valid='shallow')"])
        tasks.append(f"@task{option}\ndef leaf{at}(a, b):\n    return {value}\n")
        names.append(f"leaf{at}")
    for at in range(_CALLERS):
        option = chance.choice(["", "", "", "(check_valid='shallow')"])
        tasks.append(f"@task{option}\ndef caller{at}(a, b):\n    return {_expression(chance, names, 3)}\n")
        names.append(f"caller{at}")
    parts = ", ".join(_expression(chance, names, 3) for _ in range(3))
    return "\n".join((_HEAD, *tasks, f"@task\ndef main(a, b):\n    return [{parts}]\n"))


def edited(text: str, chance: random.Random) -> str:
    """A program with an edit made by chance, which may be none."""
    before, now = chance.choice(_EDITS)
    return text.replace(before, now) if before else text


def _expression(chance: random.Random, names: list[str], depth: int) -> str:
    if depth == 0 or chance.random() < 0.2:
        return chance.choice(["a", "b", str(chance.randint(0, 3))])
    task = chance.choice(names)

    def part() -> str:
        return _expression(chance, names, depth - 1)

    return chance.choice(
        [
            *[f"{task}({part()}, {part()})"] * 6,
            f"cond({part()}, {part()}, {part()})",
            f"seq([{task}({part()}, 1), {task}(2, {part()})])[1]",
            f"as_task(sum)(map_({task}.partial(1), listed({part()})))",
            f"({part()} + {part()})",
            f"catch({task}({part()}, {part()}), ValueError, recover)",
        ]
    )
