"""A door for workflows that come from redun: what executors are made of, by the names that redun has for it."""

from redux.executors.configured import get_executor_class, get_executor_from_config, register_executor
from redux.executors.executor import Executor, ExecutorError

__all__ = ["Executor", "ExecutorError", "get_executor_class", "get_executor_from_config", "register_executor"]
