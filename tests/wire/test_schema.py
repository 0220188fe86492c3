"""The table of fields keeps its own rules: units in names, words in both languages, keys required."""

from __future__ import annotations

import typing
from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec
import pytest
from msgspec import inspect

from pantau_wire import fields
from pantau_wire.codec import decode_measurement, encode_measurement
from pantau_wire.fields import KINDS
from pantau_wire.schema import columns, key_names, kind_of
from pantau_wire.vocabulary import INT64_MAX, Unit

if TYPE_CHECKING:
    from collections.abc import Iterator

# Numbers without a unit. A code is a name that looks like a number.
UNITLESS_NUMBERS = {"status_code"}
# Members of a record and of a point beside the fields: no field may take their names.
TAKEN_NAMES = {"kind", "device", "time", "time_ns", "seq", "village", "district", "regency", "province"}
EVERY_COLUMN = [(kind, column) for kind in KINDS for column in columns(kind)]
each_kind = pytest.mark.parametrize("kind", KINDS)


def test_a_numbers_name_ends_in_its_unit_and_nothing_else_does() -> None:
    for kind, column in EVERY_COLUMN:
        is_number = column.type in ("int", "float", "series") and column.name not in UNITLESS_NUMBERS
        assert (column.unit is not Unit.NONE) == is_number, (kind, column.name)


def test_bytes_and_counts_are_whole_numbers_and_other_units_are_not() -> None:
    for kind, column in EVERY_COLUMN:
        whole = column.unit in (Unit.BYTES, Unit.COUNT, Unit.NANOSECONDS) or column.name in UNITLESS_NUMBERS
        if column.type in ("int", "float"):
            assert (column.type == "int") == whole, (kind, column.name)


@each_kind
def test_every_field_is_named_and_described_in_both_languages(kind: str) -> None:
    for text in (column.text for column in columns(kind)):
        for words in (text.label_en, text.label_id, text.about_en, text.about_id):
            assert words == words.strip() != "", text
            assert words.isprintable(), text


def test_no_field_takes_a_name_that_a_record_or_a_point_uses() -> None:
    assert [column for _, column in EVERY_COLUMN if column.name in TAKEN_NAMES] == []


@each_kind
def test_keys_are_required_texts_and_everything_else_may_be_absent(kind: str) -> None:
    required = {field.name for field in msgspec.structs.fields(KINDS[kind]) if field.required}
    assert required == set(key_names(kind))
    assert all(column.type == "text" for column in columns(kind) if column.key)


@each_kind
def test_a_kind_lists_every_field_once_and_its_keys_first(kind: str) -> None:
    names = [column.name for column in columns(kind)]
    assert sorted(names) == sorted(KINDS[kind].__struct_fields__)
    assert tuple(names[: len(key_names(kind))]) == key_names(kind)


def test_no_two_kinds_give_one_name_different_types_or_units() -> None:
    seen = defaultdict(set)
    for _, column in EVERY_COLUMN:
        seen[column.name].add((column.type, column.unit))
    assert {name: found for name, found in seen.items() if len(found) > 1} == {}


def test_a_name_that_two_kinds_share_is_a_key_in_both_or_in_neither() -> None:
    seen = defaultdict(set)
    for _, column in EVERY_COLUMN:
        seen[column.name].add(column.key)
    assert [name for name, found in seen.items() if len(found) > 1] == []


@each_kind
def test_a_kind_is_called_the_same_in_table_and_json(kind: str) -> None:
    assert KINDS[kind].__struct_config__.tag == kind
    assert KINDS[kind].__struct_config__.tag_field == "kind"


def test_the_union_of_measurements_holds_every_kind() -> None:
    assert set(typing.get_args(fields.AnyMeasurement)) == set(KINDS.values())


def test_every_unit_is_told_by_its_suffix_and_by_the_longest_that_fits() -> None:
    for unit in Unit:
        assert Unit.of(f"x{unit.value}") is unit
    assert Unit.of("rtd_min_ms") is Unit.MILLISECONDS
    assert Unit.of("class") is Unit.NONE


@pytest.mark.parametrize("failure", typing.get_args(fields.Failure))
def test_every_word_for_a_failure_travels(failure: fields.Failure) -> None:
    measurement = fields.Latency(target="testpoint", method="stamp", failure=failure)
    decoded = decode_measurement(encode_measurement(measurement))
    assert (decoded.failure, kind_of(decoded)) == (failure, "latency")


@each_kind
def test_numbers_are_bounded_to_what_stores_can_hold_and_texts_too(kind: str) -> None:
    for part in _parts(inspect.type_info(KINDS[kind])):
        if isinstance(part, inspect.IntType):
            assert part.ge is not None
            assert part.le is not None
            assert -INT64_MAX <= part.ge <= part.le <= INT64_MAX
        elif isinstance(part, inspect.FloatType):
            assert None not in (part.ge, part.le)
        elif isinstance(part, inspect.StrType):
            assert part.pattern is not None or part.max_length is not None  # the latter: see test_one_line


def _parts(info: inspect.Type) -> Iterator[inspect.Type]:
    yield info
    inner = [field.type for field in info.fields] if isinstance(info, inspect.StructType) else []
    for part in inner + list(getattr(info, "types", ())):
        yield from _parts(part)
