"""Arrow data in one form: chunks combined, slices cut, and zeros or nothing where a null hides something."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute

pc: Any = pyarrow.compute  # its functions are made when it is imported, which no checker sees
_VERSIONS = ("creator", "pandas_version")


def canonical_table(table: pa.Table) -> pa.Table:
    """An equal table that has the same buffers whatever its history."""
    fields = [field.with_metadata(canonical_metadata(field.metadata)) for field in table.schema]
    columns = [canonical_array(_one_chunk(column)) for column in table.columns]
    fields = [field.with_type(column.type) for field, column in zip(fields, columns, strict=True)]
    return pa.Table.from_arrays(columns, schema=pa.schema(fields, canonical_metadata(table.schema.metadata)))


def canonical_metadata(metadata: dict[bytes, bytes] | None) -> dict[bytes, bytes] | None:
    """Metadata by key, without the versions of those who wrote it."""
    if not metadata:
        return None
    return {key: _without_versions(metadata[key]) if key == b"pandas" else metadata[key] for key in sorted(metadata)}


def _without_versions(text: bytes) -> bytes:
    import json  # noqa: PLC0415 - only for tables that were pandas' once

    said = json.loads(text)
    return json.dumps({key: said[key] for key in said if key not in _VERSIONS}).encode()


def _one_chunk(column: Any) -> Any:
    if isinstance(column, pa.ChunkedArray):
        if column.num_chunks == 1:
            return column.chunk(0)  # combining would copy it
        combined: Any = column.combine_chunks()
        if isinstance(combined, pa.ChunkedArray):  # so it is where one chunk could not hold everything
            return pa.concat_arrays(combined.chunks)
        return combined
    return column


def canonical_array(array: Any) -> Any:
    """An equal array in its one form; what views of strings say is kept in plain strings."""
    kind: Any = array.type
    if pa.types.is_struct(kind):
        return _canonical_struct(array, kind)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_map(kind):
        return _canonical_list(array, kind)
    if pa.types.is_fixed_size_list(kind):
        return _canonical_rows(array, kind)
    if pa.types.is_dictionary(kind):
        indices, values = canonical_array(array.indices), canonical_array(array.dictionary)
        return pa.DictionaryArray.from_arrays(indices, values, ordered=kind.ordered)
    if isinstance(kind, pa.BaseExtensionType):
        return pa.ExtensionArray.from_storage(kind, canonical_array(array.storage))
    if _is_view(kind):
        plain = pa.large_string() if kind == pa.string_view() else pa.large_binary()
        return canonical_array(array.cast(plain))
    return _canonical_flat(array, kind)


def _is_view(kind: Any) -> bool:
    return kind == pa.string_view() or kind == pa.binary_view()


def _canonical_flat(array: Any, kind: Any) -> Any:
    """Numbers, texts and the like; kinds with another layout (unions, run ends, list views) stay as they are."""
    types, size = pa.types, len(array)
    if types.is_boolean(kind):
        bits = _bits(pc.fill_null(array, False))
        return pa.Array.from_buffers(kind, size, [_validity(array), bits], array.null_count)
    zero = _zero_of(kind)
    if zero is None:
        return array
    filled = pc.fill_null(array, zero) if array.null_count else array
    if types.is_primitive(kind) or types.is_decimal(kind) or types.is_fixed_size_binary(kind):
        content = [_cut(filled.buffers()[1], filled.offset, size, kind.bit_width // 8)]
    else:
        content = _cut_texts(filled, 8 if types.is_large_string(kind) or types.is_large_binary(kind) else 4)
    return pa.Array.from_buffers(kind, size, [_validity(array), *content], array.null_count)


def _cut(buffer: Any, start: int, count: int, width: int) -> Any:
    """Exactly the bytes of these elements: the writer of streams would let up to 63 more pass."""
    return pa.py_buffer(b"") if buffer is None else buffer.slice(start * width, count * width)


def _cut_texts(array: Any, width: int) -> list[Any]:
    """The offsets from 0 on, and exactly the bytes between the first and the last."""
    _, offsets, data = array.buffers()
    if not len(array) or offsets is None:
        return [pa.py_buffer(bytes(width)), pa.py_buffer(b"")]
    kind = pa.int64() if width == 8 else pa.int32()
    numbers = pa.Array.from_buffers(kind, len(array) + 1, [None, offsets], 0, array.offset)
    first, last = numbers[0].as_py(), numbers[-1].as_py()
    if first or array.offset:
        numbers = pc.subtract(numbers, pa.scalar(first, kind))
    content = pa.py_buffer(b"") if data is None else data.slice(first, last - first)
    return [_cut(numbers.buffers()[1], numbers.offset, len(array) + 1, width), content]


def _zero_of(kind: Any) -> Any:
    types = pa.types
    if types.is_string(kind) or types.is_large_string(kind):
        return pa.scalar("", kind)
    if types.is_binary(kind) or types.is_large_binary(kind):
        return pa.scalar(b"", kind)
    if types.is_fixed_size_binary(kind):
        return pa.scalar(bytes(kind.byte_width), kind)
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind) or types.is_temporal(kind):
        zeros = pa.Array.from_buffers(kind, 1, [None, pa.py_buffer(bytes(kind.bit_width // 8))])
        return zeros[0]
    return None


def _validity(array: Any) -> Any:
    return _bits(array.is_valid()) if array.null_count else None


def _bits(truths: Any) -> Any:
    """The bits of a boolean array without nulls, from the first on, the last byte's unused ones zero."""
    fresh = pc.invert(pc.invert(truths))
    data = bytearray(memoryview(fresh.buffers()[1])[: (len(fresh) + 7) // 8]) if len(fresh) else bytearray()
    if len(fresh) % 8:
        data[-1] &= (1 << len(fresh) % 8) - 1
    return pa.py_buffer(bytes(data))


def _canonical_struct(array: Any, kind: Any) -> Any:
    children = [canonical_array(child) for child in array.flatten()]
    fields = [kind.field(index).with_type(child.type) for index, child in enumerate(children)]
    buffers = [_validity(array)]
    return pa.Array.from_buffers(pa.struct(fields), len(array), buffers, array.null_count, children=children)


def _canonical_list(array: Any, kind: Any) -> Any:
    """Lists and maps: elements under a null or outside of the slice are dropped, offsets begin at 0."""
    width = pa.int64() if pa.types.is_large_list(kind) else pa.int32()
    if pa.types.is_map(kind):
        plain = pa.list_(pa.struct([kind.key_field, kind.item_field]))
        lists = pa.ListArray.from_buffers(
            plain, len(array), array.buffers()[:2], array.null_count, array.offset, [_entries(array)]
        )
    else:
        lists = array
    elements = canonical_array(lists.flatten())
    lengths = pc.fill_null(pc.list_value_length(lists), 0)
    offsets = pa.concat_arrays([pa.array([0], width), pc.cumulative_sum(lengths.cast(width))])
    buffers = [_validity(array), _cut(offsets.buffers()[1], offsets.offset, len(offsets), width.bit_width // 8)]
    return pa.Array.from_buffers(
        _of_elements(kind, elements.type), len(array), buffers, array.null_count, children=[elements]
    )


def _canonical_rows(array: Any, kind: Any) -> Any:
    """Lists of one size: what stands under a null list becomes nulls."""
    size = kind.list_size
    elements = array.values.slice(array.offset * size, len(array) * size)
    if array.null_count:
        present = array.is_valid().to_pylist()
        places = [place if present[place // size] else None for place in range(len(elements))]
        elements = elements.take(pa.array(places, pa.int64()))
    elements = canonical_array(elements)
    kind = pa.list_(kind.value_field.with_type(elements.type), size)
    return pa.Array.from_buffers(kind, len(array), [_validity(array)], array.null_count, children=[elements])


def _entries(array: Any) -> Any:
    fields = [array.type.key_field, array.type.item_field]
    return pa.StructArray.from_arrays([array.keys, array.items], fields=fields)


def _of_elements(kind: Any, elements: Any) -> Any:
    if pa.types.is_map(kind):
        return pa.map_(elements.field(0), elements.field(1), keys_sorted=kind.keys_sorted)
    field = kind.value_field.with_type(elements)
    return pa.large_list(field) if pa.types.is_large_list(kind) else pa.list_(field)
