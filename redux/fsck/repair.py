"""Mending what was found, as far as that is safe: no bytes are deleted but those of half-written files."""

from __future__ import annotations

from dataclasses import dataclass, replace

from redux.fsck.findings import EndJob, Finding, Forget, Kind, PutBack, Rebuild, SetAside, Settle, Sweep, Unlink
from redux.fsck.stored import YOUNG_SECONDS
from redux.repo import Repo
from redux_backends.integrity import NOTHING
from redux_backends.records import Batch, JobStatus, Place
from redux_valuestore.digest import Digest
from redux_valuestore.store import ValueMissing


@dataclass(slots=True)
class Repair:
    """Mends a repository, finding by finding. A run may go on beside: it asks for a mended record anew."""

    repo: Repo
    _swept: bool = False
    _rebuilt: bool = False
    _prepared: bool = False

    def mend(self, finding: Finding) -> bool:
        """Mend what was found, and say whether it is whole now, or will be after the next run.

        A value that nothing makes again is set aside too, and does not count as mended.
        """
        mend = finding.mend
        if isinstance(mend, Forget):
            return self._forget(finding, mend.value)
        if isinstance(mend, PutBack):
            return self.repo.store.put_back(mend.value, mend.stray) or self._forget(finding, mend.value)
        if isinstance(mend, SetAside):
            self._set_aside(mend)
        elif isinstance(mend, Unlink):
            self.repo.backend.integrity().unlink(mend.row)
        elif isinstance(mend, Settle):
            self.repo.backend.integrity().settle_tag(mend.row)
        elif isinstance(mend, EndJob):
            return self._end(mend)
        elif isinstance(mend, Rebuild):
            self._rebuild()
        elif isinstance(mend, Sweep):
            self._sweep()
        return mend is not None

    def _forget(self, finding: Finding, value: Digest) -> bool:
        """Set damaged bytes aside, and say whether a run makes them again."""
        stored = self.repo.backend.get_value(value)
        if stored is None:
            return False
        if stored.place is not Place.MISSING:
            try:
                self.repo.fetch(stored)
            except ValueMissing:
                pass
            else:  # the bytes are sound: they came back meanwhile, or their record is at fault
                return finding.kind is not Kind.SIZE
        return value in self.repo.backend.integrity().remakable((value,))

    def _set_aside(self, mend: SetAside) -> None:
        backend = self.repo.backend
        if not self._prepared:
            backend.record_value(NOTHING)
            backend.forget_value(NOTHING.hash)
            self._prepared = True
        backend.integrity().set_aside(mend.kind, mend.row)

    def _end(self, mend: EndJob) -> bool:
        backend = self.repo.backend
        view = backend.get_job(mend.job)
        execution = backend.get_execution(view.job.execution) if view is not None else None
        if view is None or execution is None or execution.status is JobStatus.RUNNING:
            return False
        ended = execution.ended or view.job.started
        backend.record(Batch(jobs=(replace(view.job, status=JobStatus.CANCELLED, ended=ended),)))
        return True

    def _rebuild(self) -> None:
        if not self._rebuilt:
            self.repo.backend.integrity().rebuild_indexes()
            self._rebuilt = True

    def _sweep(self) -> None:
        if not self._swept:
            self.repo.store.remove_leftovers(YOUNG_SECONDS)
            self._swept = True
