"""Lists of what is in plain dicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from redux_backends.answers import JobView, TagFilter
from redux_backends.listing import CallFilter, CallView, FileLine, TagLine, TaskLine
from redux_backends.memory_jobs import MemoryJobs
from redux_backends.patterns import fits
from redux_backends.records import CallNode, ExecutionId, JobId
from redux_valuestore.digest import Digest


class MemoryListing(MemoryJobs):
    """The records of a memory backend with lists of them."""

    def callers_of_job(self, job: JobId, limit: int = 20) -> Sequence[JobView]:
        with self._lock:
            line: list[JobView] = []
            at = self._jobs.get(job)
            while at is not None and at.parent is not None and len(line) < limit:
                at = self._jobs[at.parent]
                line.append(self._view(at))
            return line[::-1]

    def job_ids_of(self, execution: ExecutionId) -> Sequence[JobId]:
        with self._lock:
            return [job.id for job in sorted(self._jobs_of(execution), key=lambda job: job.started)]

    def calls_of_task(self, fullname: str) -> Sequence[Digest]:
        with self._lock:
            of = [job for job in self._jobs.values() if self._tasks[job.task_hash].fullname == fullname]
            return sorted({job.call_hash for job in of if job.call_hash is not None})

    def list_calls(self, wanted: CallFilter, limit: int, offset: int = 0) -> Sequence[CallView]:
        with self._lock:
            run = None if wanted.execution is None else {job.call_hash for job in self._jobs_of(wanted.execution)}
            tests: list[Callable[[CallNode], bool]] = [
                lambda call: run is None or call.call_hash in run,
                lambda call: wanted.task is None or self._task_of(call).fullname == wanted.task,
                lambda call: all(self._was_given(call.eval_hash, each) for each in wanted.given),
                lambda call: wanted.results is None or call.result in wanted.results,
                lambda call: not wanted.files or self._holds(wanted.files, call.result, *self._given_to(call)),
                lambda call: wanted.since is None or call.recorded >= wanted.since,
                lambda call: wanted.until is None or call.recorded < wanted.until,
                lambda call: self._has_tags(wanted.tags, call.call_hash),
            ]
            asked = {eval_hash: at for at, eval_hash in enumerate(self._keys)}
            fitting = [call for call in reversed(self._calls.values()) if all(test(call) for test in tests)]
            fitting.sort(key=lambda call: -asked[call.eval_hash])
            return [self._call_view(call) for call in fitting[offset : offset + limit]]

    def _task_of(self, call: CallNode):
        return self._tasks[self._keys[call.eval_hash].task_hash]

    def _given_to(self, call: CallNode) -> list[Digest]:
        return [each.value for each in self._keys[call.eval_hash].arguments]

    def _call_view(self, call: CallNode) -> CallView:
        key, result = self._keys[call.eval_hash], self._values[call.result].record
        return CallView(
            call_hash=call.call_hash,
            fullname=self._task_of(call).fullname,
            task_hash=key.task_hash,
            arguments=tuple((each, self._values[each.value].record.preview) for each in key.arguments),
            result=call.result,
            result_preview=result.preview,
            result_type=result.type_name,
            duration=call.duration,
            recorded=call.recorded,
        )

    def list_tasks(
        self, names: Sequence[str] = (), tags: Sequence[TagFilter] = (), limit: int = 100, offset: int = 0
    ) -> Sequence[TaskLine]:
        with self._lock:
            versions: dict[str, list[Digest]] = {}
            for task in self._tasks.values():
                versions.setdefault(task.fullname, []).append(task.hash)
            fitting = [
                TaskLine(name, len(hashes), hashes[-1])
                for name, hashes in sorted(versions.items())
                if (not names or any(fits(each, name) for each in names))
                and any(self._has_tags(tags, hash) for hash in hashes)
            ]
            return fitting[offset : offset + limit]

    def list_values(
        self, files: Sequence[str] = (), tags: Sequence[TagFilter] = (), limit: int = 100, offset: int = 0
    ) -> Sequence[Digest]:
        with self._lock:
            fitting = [
                value
                for value in reversed(self._values)
                if (not files or self._holds(files, value)) and self._has_tags(tags, value)
            ]
            return fitting[offset : offset + limit]

    def list_files(self, patterns: Sequence[str] = (), limit: int = 100, offset: int = 0) -> Sequence[FileLine]:
        with self._lock:
            contents: dict[str, set[Digest]] = {}
            newest: dict[str, Digest] = {}
            for value, kept in self._values.items():
                for file in kept.record.files:
                    contents.setdefault(file.path, set()).update(() if file.content is None else (file.content,))
                    newest[file.path] = value
            fitting = [path for path in sorted(newest) if not patterns or any(fits(each, path) for each in patterns)]
            return [FileLine(path, len(contents[path]), newest[path]) for path in fitting[offset : offset + limit]]

    def known_paths(self, paths: Sequence[str]) -> frozenset[str]:
        with self._lock:
            held = {file.path for kept in self._values.values() for file in kept.record.files}
            return frozenset(held.intersection(paths))

    def list_tags(self, keys: Sequence[str] = (), limit: int = 100, offset: int = 0) -> Sequence[TagLine]:
        with self._lock:
            current = [tag for entity in self._tags_of for tag in self._current_tags(entity)]
            counted = Counter((tag.key, tag.value or "", tag.kind) for tag in current if not keys or tag.key in keys)
            return [TagLine(*of, count) for of, count in sorted(counted.items())][offset : offset + limit]
