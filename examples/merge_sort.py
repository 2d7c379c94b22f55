"""Divide and conquer: a merge sort whose every half is a call, down to pieces that are sorted at once.

    $ redux run examples/merge_sort.py main
    {'sorted': True, 'smallest': [2, 4, 4], 'largest': [4993, 4997, 4999]}
    $ redux run examples/merge_sort.py main --longer 1
    {'sorted': True, 'smallest': [2, 4, 4], 'largest': [4993, 4997, 4999]}

`sort` returns calls of itself, which run side by side; nothing waits in a thread for another. Equal pieces are sorted
once, in this run or in any later one: where one number is put at the end, as by `--longer 1`, all before it is known.
"""

from __future__ import annotations

from heapq import merge
from itertools import pairwise

from redux import task
from redux.functools import cond

PIECE = 64
COUNT = 1024


@task
def make_numbers(count: int) -> list[int]:
    """Numbers in no order: those of a linear congruence."""
    numbers, state = [], 1
    for _ in range(count):
        state = (1103515245 * state + 12345) % 2**31
        numbers.append(state // 2**8 % 5000)
    return numbers


@task
def sort_piece(numbers: list[int]) -> list[int]:
    """A short list, sorted."""
    return sorted(numbers)


@task
def merge_halves(left: list[int], right: list[int]) -> list[int]:
    """Two sorted lists as one."""
    return list(merge(left, right))


@task
def sort(numbers: list[int]) -> list[int]:
    """A list of any length, sorted: a short one at once, else each half for itself."""
    if len(numbers) <= PIECE:
        return sort_piece(numbers)
    # Cut at a round number, so that the first part of a longer list is the same list.
    half = PIECE
    while 2 * half < len(numbers):
        half *= 2
    return merge_halves(sort(numbers[:half]), sort(numbers[half:]))


@task
def is_sorted(numbers: list[int]) -> bool:
    """Whether no number is smaller than the one before."""
    return all(left <= right for left, right in pairwise(numbers))


@task
def main(longer: int = 0) -> dict[str, object]:
    """Sort, and show both ends of what came out; `cond` chooses by a result that is not there yet."""
    numbers = make_numbers(COUNT + longer)
    in_order = sort(numbers)
    return {
        "sorted": cond(is_sorted(in_order), True, "no: there is a fault"),
        "smallest": in_order[:3],
        "largest": in_order[-3:],
    }
