"""Tags in plain dicts: edited, asked, and what has which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from redux_backends.backend import Found, TagFilter, TagRecord
from redux_backends.memory_records import MemoryRecords
from redux_backends.records import Batch, Tag
from redux_backends.tag_edits import adding, deleting, updating


class MemoryTags(MemoryRecords):
    """The records of a memory backend with what is asked of their tags."""

    def record_tags(self, tags: Sequence[Tag]) -> Sequence[Tag]:
        with self._lock:
            entities = dict.fromkeys(tag.entity for tag in tags)
            return self._made(adding([one for entity in entities for one in self.tag_history(entity)], tags))

    def update_tags(
        self, kind: str, entity: bytes, keys: Sequence[str], tags: Sequence[tuple[str, str]]
    ) -> Sequence[Tag]:
        with self._lock:
            return self._made(updating(self.tag_history(entity), kind, entity, keys, tags))

    def delete_tags(
        self, kind: str, entity: bytes, tags: Sequence[tuple[str, str]] = (), keys: Sequence[str] = ()
    ) -> Sequence[Tag]:
        with self._lock:
            return self._made(deleting(self.tag_history(entity), kind, entity, tags, keys))

    def _made(self, tags: Sequence[Tag]) -> Sequence[Tag]:
        self.record(Batch(tags=tags))
        return tuple(tags)

    def get_tags(self, entities: Sequence[bytes]) -> Mapping[bytes, Sequence[Tag]]:
        with self._lock:
            found = {entity: self._current_tags(entity) for entity in entities}
            return {entity: tags for entity, tags in found.items() if tags}

    def _current_tags(self, entity: bytes) -> tuple[Tag, ...]:
        return tuple(one.tag for one in self.tag_history(entity) if one.current)

    def tag_history(self, entity: bytes) -> Sequence[TagRecord]:
        with self._lock:
            found: list[TagRecord] = []
            for hash in self._tags_of.get(entity, ()):
                tag, children = self._tags[hash], self._superseding.get(hash, ())
                found.append(TagRecord(tag, tag.value is not None and not children, tuple(children)))
            return found

    def _has_tags(self, wanted: Sequence[TagFilter], *entities: bytes) -> bool:
        """Whether one of these records has each tag that is wanted."""
        has = [tag for entity in entities for tag in self._current_tags(entity)] if wanted else ()
        return all(any(map(one.fits, has)) for one in wanted)

    def find_tagged(self, tags: Sequence[TagFilter], kind: str | None = None, limit: int = 100) -> Sequence[Found]:
        with self._lock:
            newest = [
                Found(tag.kind, tag.entity)
                for hash, tag in reversed(self._tags.items())
                if hash not in self._superseding and tag.value is not None and (not tags or tags[0].fits(tag))
            ]
            fitting = [
                one for one in dict.fromkeys(newest) if kind in (None, one.kind) and self._has_tags(tags, one.id)
            ]
            return fitting[:limit]
