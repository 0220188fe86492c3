"""Writes docs/fields.md (English) and docs/kolom.md (Indonesian) from the table in pantau_wire.fields.

`--check` writes nothing, and fails when a page is not what it should be.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import inspect

from pantau_wire.fields import KINDS
from pantau_wire.schema import Column, columns
from pantau_wire.vocabulary import INT64_MAX, Unit

if TYPE_CHECKING:
    from collections.abc import Mapping

DOCS = Path(__file__).resolve().parents[1] / "docs"


@dataclass(frozen=True, slots=True)
class Language:
    """The words around the table; the words in it come from the fields themselves."""

    file: str
    title: str
    intro: str
    head: tuple[str, str, str, str, str, str]
    types: Mapping[str, str]
    at_most: str
    units: Mapping[Unit, str]
    kinds: Mapping[str, str]
    key: str
    up_to: str
    characters: str


ENGLISH = Language(
    file="fields.md",
    title="What Pantau measures",
    intro="""\
Written by `scripts/fields-doc.py` from the one table of fields, `wire/pantau_wire/fields.py`: change that,
then run the script. [In Indonesian](kolom.md). How measurements travel stands in
[SPEC.md](../wire/pantau_wire/SPEC.md).

A field that is not a key may be null, or absent, which is the same: it was not measured, or there was
nothing to measure. Null never means zero. A measurement that failed says why in `failure`. Fields marked
as key are always there; with device, kind and time they identify the point.""",
    head=("Field", "Unit", "Type", "Key", "Values", "Meaning"),
    types={
        "float": "number",
        "int": "whole number",
        "bool": "true or false",
        "text": "text",
        "series": "list of numbers",
    },
    at_most="at most",
    units={
        Unit.MILLISECONDS: "milliseconds",
        Unit.SECONDS: "seconds",
        Unit.NANOSECONDS: "nanoseconds",
        Unit.BITS_PER_SECOND: "bits per second",
        Unit.BYTES: "bytes",
        Unit.RATIO: "ratio",
        Unit.COUNT: "count",
        Unit.DECIBEL_MILLIWATT: "dBm",
        Unit.CELSIUS: "°C",
        Unit.ROUND_TRIPS_PER_MINUTE: "round trips per minute",
        Unit.NONE: "",
    },
    kinds={kind: (struct.__doc__ or "").splitlines()[0] for kind, struct in KINDS.items()},
    key="yes",
    up_to="to",
    characters="characters",
)
INDONESIAN = Language(
    file="kolom.md",
    title="Apa yang diukur Pantau",
    intro="""\
Ditulis oleh `scripts/fields-doc.py` dari satu-satunya tabel kolom, `wire/pantau_wire/fields.py`: ubah tabel
itu, lalu jalankan skripnya. [Dalam bahasa Inggris](fields.md). Cara pengukuran dikirim dijelaskan di
[SPEC.md](../wire/pantau_wire/SPEC.md) (bahasa Inggris).

Kolom yang bukan kunci boleh null atau tidak ada, dan keduanya sama artinya: tidak diukur, atau tidak ada yang
dapat diukur. Null tidak pernah berarti nol. Pengukuran yang gagal menyebutkan sebabnya di `failure`. Kolom
bertanda kunci selalu ada; bersama perangkat, jenis, dan waktu, kolom kunci menandai satu titik data.""",
    head=("Kolom", "Satuan", "Tipe", "Kunci", "Nilai", "Arti"),
    types={
        "float": "bilangan",
        "int": "bilangan bulat",
        "bool": "benar atau salah",
        "text": "teks",
        "series": "daftar bilangan",
    },
    at_most="paling banyak",
    units={
        Unit.MILLISECONDS: "milidetik",
        Unit.SECONDS: "detik",
        Unit.NANOSECONDS: "nanodetik",
        Unit.BITS_PER_SECOND: "bit per detik",
        Unit.BYTES: "bita",
        Unit.RATIO: "rasio",
        Unit.COUNT: "jumlah",
        Unit.DECIBEL_MILLIWATT: "dBm",
        Unit.CELSIUS: "°C",
        Unit.ROUND_TRIPS_PER_MINUTE: "pulang-pergi per menit",
        Unit.NONE: "",
    },
    kinds={
        "traffic": "Bita yang melewati satu antarmuka dalam satu periode: pasif, pemakaian warga (RFC 7799).",
        "latency": "Waktu tunda pulang-pergi, variasinya, dan kehilangan paket ke satu sasaran "
        "(RFC 2681, 5481, 3393, 6673).",
        "speed": "Satu uji aktif tentang seberapa banyak yang dapat dibawa jalur, ke tiap arah "
        "(goodput, RFC 2647).",
        "dns": "Satu nama dicari alamatnya, seperti program pengguna menunggunya.",
        "http": "Satu halaman diambil, tahap demi tahap.",
        "link": "Sambungan perangkat itu sendiri ke jaringan: apa yang ada di sisi jalur ini.",
        "device": "Kesehatan perangkat dan agen di dalamnya.",
    },
    key="ya",
    up_to="sampai",
    characters="karakter",
)


def page(words: Language) -> str:
    """Return the whole page in one language."""
    sections = [_section(kind, words) for kind in KINDS]
    return "\n".join([f"# {words.title}", "", words.intro, "", *sections])


def _section(kind: str, words: Language) -> str:
    rows = [_row(kind, column, words) for column in columns(kind)]
    lines = [_line(words.head), _line(("---",) * len(words.head)), *rows]
    return "\n".join([f"## `{kind}`", "", words.kinds[kind], "", *lines, ""])


def _row(kind: str, column: Column, words: Language) -> str:
    text = column.text
    label, about = (text.label_en, text.about_en) if words is ENGLISH else (text.label_id, text.about_id)
    key = words.key if column.key else ""
    values = _values(_types(kind)[column.name], words)
    name, unit = f"`{column.name}`", words.units[column.unit]
    return _line((name, unit, words.types[column.type], key, values, f"**{label}.** {about}"))


def _line(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _types(kind: str) -> dict[str, inspect.Type]:
    info = inspect.type_info(KINDS[kind])
    assert isinstance(info, inspect.StructType)
    return {field.name: field.type for field in info.fields}


def _values(info: inspect.Type, words: Language) -> str:  # noqa: PLR0911 - one for each type
    match info:
        case inspect.UnionType():
            return ", ".join(filter(None, (_values(choice, words) for choice in info.types)))
        case inspect.LiteralType():
            return ", ".join(f"`{value}`" for value in info.values)
        case inspect.IntType() | inspect.FloatType():
            return f"{_number(info.ge)} {words.up_to} {_number(info.le)}"
        case inspect.StrType(max_length=int()):
            return f"{info.min_length or 1} {words.up_to} {info.max_length} {words.characters}"
        case inspect.StrType():
            pattern = str(info.pattern).removeprefix("^").removesuffix(r"\Z")
            return f"`{pattern}`"
        case inspect.VarTupleType():
            return f"{words.at_most} {info.max_length}: {_values(info.item_type, words)}"
    return ""


def _number(value: float | None) -> str:
    assert value is not None
    if value == INT64_MAX:
        return "2^63-1"
    exponent = math.log10(abs(value)) if value else 0
    if exponent > len("86400000") and exponent == int(exponent):
        return f"{'-' if value < 0 else ''}10^{int(exponent)}"
    return f"{value:.10g}"


def main(arguments: list[str]) -> int:
    """Write both pages, or with `--check` tell which is stale."""
    stale = [words for words in (ENGLISH, INDONESIAN) if _old(words) != page(words)]
    for words in stale:
        if "--check" in arguments:
            sys.stdout.write(f"docs/{words.file} is stale: python scripts/fields-doc.py\n")
        else:
            (DOCS / words.file).write_text(page(words), encoding="utf-8")
    return 1 if stale and "--check" in arguments else 0


def _old(words: Language) -> str | None:
    path = DOCS / words.file
    return path.read_text(encoding="utf-8") if path.exists() else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
