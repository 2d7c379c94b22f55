from redux import File, Handle, apply_tags, task


class Store(Handle):
    def __init__(self, name, path):
        self.path = path


@task
def count(source: File, extra: int = 1) -> int:
    return len(source.read().splitlines()) + extra


@task(tags=[("kind", "arithmetic")])
def double(n: int) -> int:
    return apply_tags(n * 2, tags=[("unit", "lines")])


@task
def load(store: Store, n: int) -> Store:
    return store


@task
def fails(n: int) -> float:
    return n / 0


@task
def bulk(n: int) -> bytes:
    return b"large" * n


@task
def main(source: File, n: int = 3):
    store = load(Store("results", "results.db"), double(count(source)))
    return [double(count(source)), [double(i) for i in range(n)], bulk(2), store]
