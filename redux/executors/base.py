"""The names by which workflows written for redun know executors."""

from redux.executors.configured import get_executor_class, get_executor_from_config, register_executor
from redux.executors.executor import Executor, ExecutorError

__all__ = ["Executor", "ExecutorError", "get_executor_class", "get_executor_from_config", "register_executor"]
