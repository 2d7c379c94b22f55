"""The cheap tasks, for redux."""

from redux import task


@task
def inc(i: int) -> int:
    return i + 1  # the line that a code change edits


@task(
    namespace="bench",
    version="1",
    check_valid="full",
    cache_scope="BACKEND",
    executor="threads",
    limits={"lanes": 1},
    retries=2,
    retry_delay=0.5,
    timeout=60,
    memory=4,
)
def inc_with_options(i: int) -> int:
    return i + 1


@task
def total(values: list[int]) -> int:
    return sum(values)


@task
def fan_out(n: int) -> int:
    return total([inc(i) for i in range(n)])


@task
def plain_stretch(start: int, stop: int) -> int:
    return total([inc(i) for i in range(start, stop)])


@task
def stretch_with_options(start: int, stop: int) -> int:
    return total([inc_with_options(i) for i in range(start, stop)])


@task(check_valid="shallow")
def shallow_fan_out(n: int) -> int:
    return total([inc(i) for i in range(n)])


@task
def chain(n: int) -> int:
    x = 0
    for _ in range(n):
        x = inc(x)
    return x
