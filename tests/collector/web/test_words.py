"""Every text for people exists in both languages, and numbers read as people write them."""

from __future__ import annotations

import string
from typing import Literal, get_args, get_origin, get_type_hints

import pytest
from babel.messages.pofile import read_po

from pantau_collector import formats, i18n
from pantau_collector.registry import areas
from pantau_collector.registry.timezones import WIB, ZONES
from pantau_collector.web import words
from pantau_wire.fields import KINDS
from pantau_wire.vocabulary import Unit

SPACE = "\N{NO-BREAK SPACE}"
PO = i18n.LOCALE_FOLDER / "id" / "LC_MESSAGES" / "messages.po"


def test_no_text_is_untranslated_or_fuzzy() -> None:
    with PO.open("rb") as file:
        messages = [message for message in read_po(file) if message.id]
    assert len(messages) > 100
    for message in messages:
        texts = message.string if isinstance(message.string, tuple) else (message.string,)
        assert all(texts), message.id
        assert not message.fuzzy, message.id


def test_translations_keep_their_placeholders() -> None:
    with PO.open("rb") as file:
        messages = [message for message in read_po(file) if message.id and message.python_brace_format]
    for message in messages:
        assert names(str(message.string)) == names(str(message.id)), message.id


def names(text: str) -> set[str | None]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_the_compiled_catalogue_is_current() -> None:
    with PO.open("rb") as file:
        for message in read_po(file):
            if message.id and isinstance(message.id, str):
                assert i18n.translate(message.id, "id") == message.string


def test_every_kind_and_every_value_that_a_field_may_take_has_its_word() -> None:
    assert set(words.KINDS) == set(KINDS)
    for kind, struct in KINDS.items():
        for name, annotation in get_type_hints(struct).items():
            for value in literals(annotation):
                assert value in words.VALUES[name], (kind, name, value)


def literals(annotation: object) -> set[str]:
    if get_origin(annotation) is Literal:
        return set(get_args(annotation))
    return {value for inner in get_args(annotation) for value in literals(inner)}


@pytest.mark.parametrize(
    ("value", "unit", "indonesian", "english"),
    [
        (38.16e6, Unit.BITS_PER_SECOND, "38,16_Mbit/s", "38.16_Mbit/s"),
        (1.5e9, Unit.BITS_PER_SECOND, "1,50_Gbit/s", "1.50_Gbit/s"),
        (0, Unit.BITS_PER_SECOND, "0_bit/s", "0_bit/s"),
        (0.005, Unit.RATIO, "0,50%", "0.50%"),
        (1.0, Unit.RATIO, "100%", "100%"),
        (1234.5, Unit.MILLISECONDS, "1.234_ms", "1,234_ms"),
        (18.24, Unit.MILLISECONDS, "18,2_ms", "18.2_ms"),
        (54_525_952, Unit.BYTES, "54,5_MB", "54.5_MB"),
        (12345, Unit.COUNT, "12.345", "12,345"),
        (-61, Unit.DECIBEL_MILLIWATT, "-61_dBm", "-61_dBm"),
        (7200, Unit.SECONDS, "2 jam", "2 hours"),
    ],
)
def test_numbers_read_as_in_the_language(value: float, unit: Unit, indonesian: str, english: str) -> None:
    assert formats.quantity(value, unit, "id") == indonesian.replace("_", SPACE)
    assert formats.quantity(value, unit, "en") == english.replace("_", SPACE)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (5, "5 detik yang lalu"),
        (60, "1 menit yang lalu"),
        (3000, "50 menit yang lalu"),
        (90_000, "25 jam yang lalu"),
    ],
)
def test_how_long_ago_is_said_in_words(seconds: int, said: str) -> None:
    now = 1_795_325_400 * formats.SECOND_NS
    assert formats.ago(now - seconds * formats.SECOND_NS, now, "id") == said


def test_instants_are_local_and_name_their_zone() -> None:
    assert formats.instant(1_795_325_400 * formats.SECOND_NS, WIB, "id") == "22 Nov 2026 12.30.00 WIB"


def test_every_province_has_a_time_zone() -> None:
    assert set(ZONES) == {area.code for area in areas.provinces()}
