"""The cheap tasks, for redun."""

from redun import task

redun_namespace = "bench"


@task()
def inc(i: int) -> int:
    return i + 1  # the line that a code change edits


@task()
def total(values: list) -> int:
    return sum(values)


@task()
def fan_out(n: int) -> int:
    return total([inc(i) for i in range(n)])


@task()
def chain(n: int) -> int:
    x = 0
    for _ in range(n):
        x = inc(x)
    return x
