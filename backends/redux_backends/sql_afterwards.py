"""What is asked of tables afterwards: lists, where data went, what people said, jobs beside earlier ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from redux_backends import executions, history, query, tags
from redux_backends.amending import AcceptedJobs, Amending, Asked, Remembered
from redux_backends.answers import JobView, TagFilter, TaskCounts
from redux_backends.forerunning import AskedJobs, Forerunning
from redux_backends.listing import CallFilter, CallView, ExecutionFilter, FileLine, Listing, TagLine, TaskLine
from redux_backends.records import Evaluation, Execution, ExecutionId, FileFact, JobId, Seconds, Tag, TaskRecord
from redux_backends.session import SqlDatabase
from redux_backends.tags import tagged
from redux_backends.tracing import Traced, Tracing
from redux_valuestore.digest import Digest

if TYPE_CHECKING:
    from sqlalchemy import Connection

_T = TypeVar("_T")


class SqlAfterwards(Tracing, Forerunning, Listing, Amending):
    """These questions, of a `_database` that speaks SQL; each imports what it needs when it is first asked."""

    _database: SqlDatabase

    # -- listing -----------------------------------------------------------------------------------

    def find_executions(self, wanted: ExecutionFilter, limit: int, offset: int = 0) -> Sequence[Execution]:
        among = [tagged("execution", tag) for tag in wanted.tags]
        return self._database.view(
            lambda connection: executions.find_executions(connection, wanted, limit, offset, among)
        )

    def count_jobs_of(self, executions: Sequence[ExecutionId]) -> Mapping[ExecutionId, Sequence[TaskCounts]]:
        return self._database.view(lambda connection: query.count_jobs_of(connection, executions))

    def callers_of_job(self, job: JobId, limit: int = 20) -> Sequence[JobView]:
        return self._list(lambda lists, connection: lists.callers_of_job(connection, job, limit))

    def job_ids_of(self, execution: ExecutionId) -> Sequence[JobId]:
        return self._list(lambda lists, connection: lists.job_ids_of(connection, execution))

    def calls_of_task(self, fullname: str) -> Sequence[Digest]:
        return self._list(lambda lists, connection: lists.calls_of_task(connection, fullname))

    def list_calls(self, wanted: CallFilter, limit: int, offset: int = 0) -> Sequence[CallView]:
        return self._list(lambda lists, connection: lists.list_calls(connection, wanted, limit, offset))

    def list_tasks(
        self, names: Sequence[str] = (), tags: Sequence[TagFilter] = (), limit: int = 100, offset: int = 0
    ) -> Sequence[TaskLine]:
        return self._list(lambda lists, connection: lists.list_tasks(connection, names, tags, limit, offset))

    def list_values(
        self, files: Sequence[str] = (), tags: Sequence[TagFilter] = (), limit: int = 100, offset: int = 0
    ) -> Sequence[Digest]:
        return self._list(lambda lists, connection: lists.list_values(connection, files, tags, limit, offset))

    def list_files(self, patterns: Sequence[str] = (), limit: int = 100, offset: int = 0) -> Sequence[FileLine]:
        return self._list(lambda lists, connection: lists.list_files(connection, patterns, limit, offset))

    def known_paths(self, paths: Sequence[str]) -> frozenset[str]:
        return self._list(lambda lists, connection: lists.known_paths(connection, paths))

    def list_tags(self, keys: Sequence[str] = (), limit: int = 100, offset: int = 0) -> Sequence[TagLine]:
        return self._list(lambda lists, connection: lists.list_tags(connection, keys, limit, offset))

    def _list(self, ask: Callable[[Any, Connection], _T]) -> _T:
        from redux_backends import sql_listing  # noqa: PLC0415 - only who looks at a history needs it

        return self._database.view(lambda connection: ask(sql_listing, connection))

    # -- what people said ---------------------------------------------------------------------------

    def tags_of(self, keys: Sequence[str]) -> Sequence[Tag]:
        return self._database.ask(lambda session: tags.of_keys(session, keys))

    def evaluations_of(self, calls: Sequence[Digest], jobs: Sequence[JobId]) -> Mapping[bytes, Asked]:
        from redux_backends import sql_amending  # noqa: PLC0415 - seldom anything was said

        return self._database.ask(lambda session: sql_amending.evaluations_of(session, calls, jobs))

    def have_below(self, calls: Sequence[Digest], key: str) -> frozenset[Digest]:
        from redux_backends import sql_amending  # noqa: PLC0415 - seldom anything was said

        return self._database.ask(lambda session: sql_amending.have_below(session, calls, key))

    def accepted_in(self, execution: ExecutionId) -> Sequence[AcceptedJobs]:
        from redux_backends import sql_amending  # noqa: PLC0415 - seldom anything was said

        return self._database.view(lambda connection: sql_amending.accepted_in(connection, execution))

    def remembered(self, kind: str, ids: Sequence[bytes]) -> Sequence[Remembered]:
        from redux_backends import sql_amending  # noqa: PLC0415 - seldom anything was said

        return self._database.ask(lambda session: sql_amending.remembered(session, kind, ids))

    # -- tracing -----------------------------------------------------------------------------------

    def makers_of(self, values: Sequence[Digest]) -> Traced:
        from redux_backends import sql_tracing  # noqa: PLC0415 - only who follows data needs it

        return self._database.ask(lambda session: sql_tracing.makers_of(session, values))

    def results_of(self, tasks: Sequence[Digest], limit: int) -> Mapping[Digest, Sequence[Evaluation]]:
        return self._database.view(lambda connection: history.results_of(connection, tasks, limit))

    def users_of(self, values: Sequence[Digest]) -> Traced:
        from redux_backends import sql_tracing  # noqa: PLC0415 - only who follows data needs it

        return self._database.ask(lambda session: sql_tracing.users_of(session, values))

    def fed_by(self, calls: Sequence[Digest]) -> Traced:
        from redux_backends import sql_tracing  # noqa: PLC0415 - only who follows data needs it

        return self._database.ask(lambda session: sql_tracing.fed_by(session, calls))

    def callers_of(self, calls: Sequence[Digest]) -> Traced:
        from redux_backends import sql_tracing  # noqa: PLC0415 - only who follows data needs it

        return self._database.ask(lambda session: sql_tracing.callers_of(session, calls))

    def parents_of(self, calls: Sequence[Digest]) -> Traced:
        from redux_backends import sql_tracing  # noqa: PLC0415 - only who follows data needs it

        return self._database.ask(lambda session: sql_tracing.parents_of(session, calls))

    def executions_of(self, calls: Sequence[Digest]) -> Mapping[Digest, Sequence[ExecutionId]]:
        from redux_backends import sql_tracing  # noqa: PLC0415 - only who follows data needs it

        return self._database.ask(lambda session: sql_tracing.executions_of(session, calls))

    def containers_of(self, values: Sequence[Digest]) -> Traced:
        from redux_backends import sql_tracing  # noqa: PLC0415 - only who follows data needs it

        return self._database.ask(lambda session: sql_tracing.containers_of(session, values))

    def holders_of(self, files: Sequence[FileFact]) -> Mapping[FileFact, Sequence[Digest]]:
        from redux_backends import sql_tracing  # noqa: PLC0415 - only who follows data needs it

        return self._database.ask(lambda session: sql_tracing.holders_of(session, files))

    def jobs_behind(self, calls: Sequence[Digest]) -> Mapping[Digest, JobId]:
        from redux_backends import sql_tracing  # noqa: PLC0415 - only who follows data needs it

        return self._database.ask(lambda session: sql_tracing.jobs_behind(session, calls))

    # -- forerunning -------------------------------------------------------------------------------

    def jobs_that_ran(self, execution: ExecutionId) -> AskedJobs:
        from redux_backends import sql_forerunning  # noqa: PLC0415 - only who explains misses needs it

        return self._database.view(lambda connection: sql_forerunning.jobs_that_ran(connection, execution))

    def jobs_before(
        self, executions: Sequence[ExecutionId], tasks: Sequence[str], asked_by: ExecutionId | None
    ) -> AskedJobs:
        from redux_backends import sql_forerunning  # noqa: PLC0415 - only who explains misses needs it

        return self._database.view(
            lambda connection: sql_forerunning.jobs_before(connection, executions, tasks, asked_by)
        )

    def newest_before(self, tasks: Sequence[str], before: Seconds) -> Mapping[str, ExecutionId]:
        from redux_backends import sql_forerunning  # noqa: PLC0415 - only who explains misses needs it

        return self._database.view(lambda connection: sql_forerunning.newest_before(connection, tasks, before))

    def get_tasks(self, tasks: Sequence[Digest]) -> Mapping[Digest, TaskRecord]:
        return self._database.view(lambda connection: history.get_tasks(connection, tasks))
