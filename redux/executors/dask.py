"""Dask: jobs on the workers of a cluster, or of one that is started here for the run."""

from __future__ import annotations

from concurrent.futures import Executor
from typing import Any

from redux.executors.executor import ExecutorError

_OF_A_CLUSTER = {"address", "scheduler_file"}
"""Options that name a cluster which is there: it takes none of those for starting one."""


class DaskMissing(ExecutorError):
    """Dask is not installed."""

    exit_code = 2

    def __init__(self) -> None:
        super().__init__("an executor of type dask needs Dask: pip install 'redux-cache[dask]'")


class DaskPool(Executor):
    """A Dask client as an executor of futures. `options` are those of `distributed.Client`: `address`, `n_workers`, …

    With an `address` the cluster is the user's and stays; without, one is started here and ends with the run.
    """

    def __init__(self, **options: Any) -> None:
        try:
            from distributed import Client  # noqa: PLC0415  # pyright: ignore - an extra, imported where it is used
        except ImportError:
            raise DaskMissing from None
        if not options.keys() & _OF_A_CLUSTER:
            options = {"dashboard_address": None, **options}
        self._client: Any = Client(**options)

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Have the cluster call `fn`; calls are never shared, for each is a job of its own."""
        return self._client.get_executor(pure=False).submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let the client go, and the cluster that it started; `wait` and `cancel_futures` change nothing."""
        self._client.close()
