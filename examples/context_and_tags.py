"""Settings of a workflow's own, which no argument carries, and tags that its results are shown with.

    $ redux run examples/context_and_tags.py main
    {'rope': 22.0, 'lamp': 13.2}
    $ redux run --context region=south --context 'tax={"south": 0.5}' examples/context_and_tags.py main
    {'rope': 30.0, 'lamp': 18.0}

`get_context` is part of the arguments of whoever takes it: another region, and prices are worked out anew, while what
no region matters to is remembered. `[context]` in `.redux/redux.toml` says the same for every run. The tags are shown
by `redux log`, beside the run's own (`redux run --tag season=spring ...`).
"""

from __future__ import annotations

from redux import apply_tags, get_context, task

PRICES = {"rope": 20.0, "lamp": 12.0}


@task
def read_prices() -> dict[str, float]:
    """Prices without tax. No region matters here."""
    return PRICES


@task
def find_tax(region: str = get_context("region", "north"), table: dict[str, float] = get_context("tax", {})) -> float:
    """The tax of the region that the context names; a default argument asks for it."""
    return table.get(region, 0.1)


@task
def add_tax(prices: dict[str, float], tax: float) -> dict[str, float]:
    """Prices with tax."""
    return {thing: round(price * (1 + tax), 2) for thing, price in prices.items()}


@task(tags=[("team", "sales")])
def main() -> dict[str, float]:
    """Prices with tax; the result, its job and its run are tagged."""
    priced = add_tax(read_prices(), find_tax())
    return apply_tags(priced, tags={"kind": "prices"}, job_tags={"checked": False}, execution_tags={"season": "autumn"})
