"""What can be wrong with code that is to be hashed."""

from __future__ import annotations

from redux_valuestore.errors import ReduxError


class CodeUnreadable(ReduxError):
    """The source of `name`, which a task uses, is not there or is not what runs."""

    def __init__(self, name: str, why: str, remedy: str) -> None:
        self.name = name
        super().__init__(f"the code of {name} cannot be hashed: {why}; {remedy}")


class CountedByName(UserWarning):
    """An object that a task uses has no content to hash, so a change of it will not be noticed."""

    def __init__(self, task: str, label: str, kind: str) -> None:
        self.label = label
        super().__init__(
            f"task {task} uses {label} ({kind}), which has no content to hash, so a change of it will not be noticed: "
            "pass hash_includes=[…] with what stands for it, or make it inside the task "
            "(this is said once for each version of the task's code)"
        )
