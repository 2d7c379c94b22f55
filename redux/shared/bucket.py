"""A shared cache as this process sees it: its objects, what the indexes say is there, and who is believed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache, partial
from pathlib import Path
from threading import Event, Lock, Thread

from redux.shared.believing import Believing, local_folder
from redux.shared.damaged import damaged_packs, damaged_values
from redux.shared.index import PackEntry
from redux.shared.indexes import Indexes
from redux.shared.layout import MOST_ABOUT, STORE, PackName, about_store, check_store
from redux.shared.notices import Notices
from redux.shared.pack import MOST_PACK, Header, Pack, open_pack, read_header
from redux.shared.presence import Presence
from redux.shared.reach import Reach
from redux.shared.trouble import BentPack, SharedBent
from redux.trust.trouble import SigningMissing
from redux_backends.records import Seconds
from redux_valuestore.errors import ReduxError
from redux_valuestore.modes import put_file
from redux_valuestore.objects import Objects, Put
from redux_valuestore.store import StoreError, StoreRefuses, StoreUnavailable
from redux_valuestore.trouble import meaning

_COSTLY: Seconds = 1.0


class Bucket:
    """The objects of a shared cache, asked once in a run for what is there.

    `folder` keeps the index objects that were fetched. Once the store is down it stays so for this run, and people are
    told of it once. Records of another `epoch` do not count.
    """

    def __init__(self, objects: Objects, folder: Path, believing: Believing, epoch: int, notices: Notices) -> None:
        self.objects = objects
        self.epoch = epoch
        self.notices = notices
        self.believing = believing
        self.indexes = Indexes(objects, folder, notices)
        self._reach = Reach(folder / "down")
        self._presence: Presence | None = None
        self.doubted: Presence | None = None
        """the packs of this epoch that do not count for whom they are from; None where there is none"""
        self.doubts: frozenset[str] = frozenset()
        """why they do not"""
        self._look_at: _Look | None = None
        self._beginning = Lock()
        self._renewing = Lock()
        self.is_labelled = False
        """whether the store says what it is, as far as was looked"""
        self.is_labelled_badly = False
        """whether it said so once, and what says so now is damaged"""
        self._known = folder / "known"
        self._held: dict[PackName, bytes] = {}
        self._why_unused = ""
        self.bent = damaged_packs(folder / "bent-packs")
        """packs that are damaged there or gone, which whoever has what should be in them writes anew"""
        self.bent_values = damaged_values(folder / "bent-values")
        """large values that are damaged there or gone, and written anew likewise"""

    def close(self) -> None:
        """End the connections."""
        self.objects.close()

    def why_not(self, pack: Header | PackEntry) -> str | None:
        """Why a pack does not count, by what it or an index says of it; None where it does."""
        if pack.epoch != self.epoch:
            return f"records of epoch {pack.epoch}, while this project is at {self.epoch}"
        return self.believing.why_not(pack.signer, pack.made)

    def leave_unused(self, why: str) -> None:
        """Tell that nothing more is asked of the store in this run."""
        self._why_unused = why
        self.notices.trouble(f"the shared cache is not used in this run: {why}")

    # -- what is there -----------------------------------------------------------------------------

    def presence(self) -> Presence | None:
        """What is there, once that is known; None where the store cannot be asked, or takes too long to say it."""
        look = self._begin()
        patience = self.objects.patience
        most = patience.first_contact + patience.answer
        if not look.over.wait(max(0.0, look.begun + most - time.monotonic())) and self._presence is None:
            why = f"after {most:g} seconds the store {self.objects.shown} had not said what is there; check the network"
            self._reach.failed(why)
            self.leave_unused(why)
        return self._presence

    def look_again(self) -> Presence:
        """What is there by now. Raises `StoreUnavailable`."""
        begun, look = time.monotonic(), self._begin()
        found = self.presence()
        if found is None:
            raise StoreUnavailable(self._why_unused, self.objects.shown)
        return found if look.begun >= begun else self._look()

    def look_now(self) -> Presence:
        """What is there, asked whatever a run found a moment ago. Raises `StoreUnavailable`, `SharedError`."""
        found = self._look_whole()
        with self._beginning:
            if self._look_at is None:
                self._look_at = _Look()
                self._look_at.end()
        self._reach.answered()
        return found

    def _begin(self) -> _Look:
        """Begin to look what is there, beside whatever else goes on, if nobody has."""
        with self._beginning:
            if self._look_at is None:
                self._look_at = _Look()
                look = partial(self._look_first, self._look_at)
                Thread(target=look, name="redux-shared-look", daemon=True).start()
            return self._look_at

    def _look_first(self, look: _Look) -> None:
        try:
            why = self._why_nowhere()
            if why is None and (known := self._reach.why_not()) is not None:
                why = f"a moment ago it was found that {known}; `redux cache status` asks again"
            if why is not None:
                self.leave_unused(why)
                return
            self._look_whole()
        except StoreError as error:
            if _costs_each_run(error, time.monotonic() - look.begun):
                self._reach.failed(str(error))
            self.leave_unused(str(error))
        except Exception as error:  # whatever lies there, it must not cost the run its result
            self.leave_unused(str(error) if isinstance(error, ReduxError) else repr(error))
        else:
            self._reach.answered()
        finally:
            look.end()

    def look_anew_after(self, age: Seconds) -> bool:
        """Have what is there looked at anew when it is asked for next, if that was so long ago; whether it was."""
        with self._beginning:
            look = self._look_at
            old = look is not None and look.ended is not None and time.monotonic() - look.ended >= age
            if old:
                self._look_at = None
        if old and self.objects.unwritable:
            self.objects.try_again()
        return old

    def _look_whole(self) -> Presence:
        why = self._why_nowhere()
        if why is not None:
            raise StoreUnavailable(why, self.objects.shown)
        about = self.objects.get(STORE, MOST_ABOUT)
        if about is not None:
            self._read_about(about)
        return self._look()

    def _read_about(self, about: bytes) -> None:
        try:
            check_store(about)
        except SharedBent:
            if not self._known.exists():
                raise
            self.is_labelled_badly = True
        else:
            self._know()
            self.is_labelled = True

    def _know(self) -> None:
        """Remember that this is a shared cache, whatever should become of what says so."""
        with suppress(OSError):
            if not self._known.exists():
                put_file(self._known, b"")

    def _why_nowhere(self) -> str | None:
        """Why a local folder cannot be used that is not there: its name may be wrong, or its disk not mounted."""
        folder = local_folder(self.objects.url)
        if folder is None or os.path.lexists(folder):
            return None
        above = folder.parent
        if not above.is_dir():
            return f"there is no folder {above}; see that its disk is mounted, or make it"
        return f"there is no folder {folder}; `redux cache add {folder}` makes it, if that is what is meant"

    def _look(self) -> Presence:
        self.indexes.look()
        return self._renew()

    def _renew(self) -> Presence:
        with self._renewing:
            indexes = self.indexes.live
            whys = self._judged(pack for index in indexes for pack in index.packs)
            doubted = Presence(indexes, lambda pack: pack.epoch == self.epoch and whys[pack] is not None)
            self.doubted = doubted if doubted.packs else None
            self.doubts = frozenset(why for pack in doubted.packs if (why := whys[pack]) is not None)
            self._presence = found = Presence(indexes, lambda pack: whys[pack] is None)
            return found

    def _judged(self, packs: Iterable[PackEntry]) -> dict[PackEntry, str | None]:
        """What `why_not` says of each pack; whether the folder is one's own is asked once for all unsigned ones."""
        unsigned = cache(partial(self.believing.why_not, None))
        return {
            pack: unsigned(0.0) if pack.signer is None and pack.epoch == self.epoch else self.why_not(pack)
            for pack in packs
        }

    # -- packs -------------------------------------------------------------------------------------

    def packs(self, names: Iterable[PackName]) -> Iterator[tuple[PackName, bytes | None, str]]:
        """Packs as they come: the bytes of each, or None and why there are none. Raises `StoreUnavailable`."""
        named = {name.path: name for name in names}
        for name in [name for name in named.values() if name in self._held]:
            yield name, self._held[name], ""
            del named[name.path]
        for one in self.objects.get_many(named, MOST_PACK):
            yield named[one.name], one.data, one.why

    @contextmanager
    def holding(self, names: Iterable[PackName]) -> Iterator[Mapping[PackName, bytes]]:
        """Packs whose bytes are held for as long as the block goes on, and not fetched again for it."""
        self._held = {name: data for name, data, _ in self.packs(names) if data is not None}
        try:
            yield self._held
        finally:
            self._held = {}

    # -- writing -----------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Say in the store what it is, where nothing says so yet, or not any more; once in a run.

        Raises `StoreRefuses` where what says it may not be written over, and all else may; `StoreUnavailable`.
        """
        if self.is_labelled:
            return
        self._know()
        try:
            (self.objects.replace if self.is_labelled_badly else self.objects.put_new)(STORE, about_store())
        except StoreRefuses:
            if self.objects.unwritable:
                raise
            self.is_labelled, self.is_labelled_badly = True, False
            raise
        self.is_labelled, self.is_labelled_badly = True, False

    def put(self, pack: Pack) -> None:
        """Write a pack; people find it once it is announced.

        What stands under its name is looked at, and if it is no pack written over: anybody may have put it there.
        Raises `StoreRefuses` where that may not be written over, and other packs may be written; `StoreUnavailable`.
        """
        path = pack.name.path
        try:
            is_bent = pack.name in self.bent
            if not is_bent and self.objects.put_new(path, pack.data) is Put.STOOD:
                is_bent = not self._is_sound(pack.name)
            if is_bent:
                self.objects.replace(path, pack.data)
        except StoreUnavailable:
            if path in self.objects.spoilt:
                self.bent.add(pack.name)
            raise
        self.bent.discard(pack.name)

    def _is_sound(self, name: PackName) -> bool:
        """Whether a pack stands under a name that whoever believes its signer can read. Raises `StoreUnavailable`."""
        for one in self.objects.get_many([name.path], MOST_PACK):
            if one.data is not None:
                with suppress(BentPack, SigningMissing):
                    open_pack(read_header(name, one.data), one.data)
                    return True
        return False

    def announce(self, packs: Iterable[PackEntry]) -> None:
        """Write the index object that says that these packs are there. Raises `StoreUnavailable`."""
        self.indexes.announce(packs)
        self._renew()

    def mend_indexes(self) -> None:
        """Write those index objects anew that were found damaged, and say again what others hide.

        Raises `StoreUnavailable`.
        """
        self.indexes.mend()
        if hidden := self.hidden:
            self.indexes.say_again(hidden)
            self._renew()

    @property
    def hidden(self) -> list[PackEntry]:
        """Packs that count, and that an index object hides from those who have not found it out."""
        return [entry for entry in self.indexes.hidden if self.why_not(entry) is None]


def _costs_each_run(error: StoreError, took: Seconds) -> bool:
    """Whether a run soon after would wait in vain as well; a store that says no at once is asked: it may be mended."""
    return took >= _COSTLY or (error.__cause__ is not None and meaning(error.__cause__) == "passing")


class _Look:
    """A look at what is there, that goes on beside the run or is over."""

    def __init__(self) -> None:
        self.begun: Seconds = time.monotonic()
        self.ended: Seconds | None = None
        self.over = Event()

    def end(self) -> None:
        """It is over, however it went."""
        self.ended = time.monotonic()
        self.over.set()
