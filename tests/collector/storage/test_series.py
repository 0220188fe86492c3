"""Derived series: what is written of the table of series comes back, and can be asked by time and tags."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.wire.strategies import thorough

from pantau_collector.storage.base import SeriesRow
from pantau_collector.storage.series import SERIES

if TYPE_CHECKING:
    from collections.abc import Callable

    from pantau_collector.storage.base import Store

START_NS = 1_750_000_000_000_000_000
MINUTE_NS = 60_000_000_000
_EXAMPLES = {"float": 1.5, "int": 7, "bool": True, "text": "it's Jum'at, \"desa\" \\ 7"}
_names = itertools.count(1)

HOSTILE = (
    "it's Ma'mur",
    'two "quotes"',
    "comma, space, equals=sign",
    "back\\slash and an end\\",
    "\\n is no line break",
    "a line\nbreak, a return\rand a tab\t",
    "\N{FULLWIDTH REVERSE SOLIDUS}/ and \N{FULLWIDTH REVERSE SOLIDUS}n as they are",
    "desa \N{CJK UNIFIED IDEOGRAPH-6751} \N{HOUSE BUILDING}",
    " leading and trailing ",
    "Desa Jomboran|33.10.25.2007",
    "# no comment",
    "'; DROP SERIES FROM registry --",
)


def silence(village: str, at_minute: float, minutes: float = 1.0) -> SeriesRow:
    """A row with four tags and one value."""
    tags = (f"33.10.25.{village}", "33.10.25", "33.10", "33")
    return SeriesRow(
        "village_silence", tags, START_NS + int(at_minute * MINUTE_NS), {"silent_minutes": minutes}
    )


@pytest.mark.parametrize("name", SERIES)
def test_every_column_comes_back(store: Store, name: str):
    """A row with all tags and all columns of a series is read back with the same values and types."""
    series = SERIES[name]
    values = {column.name: _EXAMPLES[column.type] for column in series.columns}
    row = SeriesRow(name, tuple(f"{tag} 1" for tag in series.tags), START_NS, values)
    store.write_series([row])
    (found,) = store.series(name)
    assert found == row
    assert [type(value) for value in found.values.values()] == [type(value) for value in values.values()]


def test_absent_values_and_tags(store: Store):
    """A value that there is none of is left out, an empty tag is an empty text, and zero is a value."""
    row = SeriesRow("surge", ("33.10.25.2007", "33.10.25", "33.10", "33", ""), START_NS, {"score": 0.0})
    store.write_series([row])
    assert store.series("surge") == [row]
    assert store.series("surge", where={"direction": ""}) == [row]
    assert store.series("surge", where={"direction": "rx"}) == []


def test_whole_numbers_in_a_column_of_fractions(store: Store):
    """A whole number in a column of fractions, and the reverse, take the type of the column."""
    row = silence("2007", 0, minutes=3)
    late = SeriesRow("late", ("desa-1",), START_NS, {"since_ns": 2**62, "until_ns": 5.0})
    store.write_series([row, late])
    assert repr(store.series("village_silence")[0].values) == "{'silent_minutes': 3.0}"
    assert repr(store.series("late")[0].values) == f"{{'since_ns': {2**62}, 'until_ns': 5}}"


def test_writing_again_replaces(store: Store):
    """A row of the same series, tags and time takes the earlier one's place, also within one write."""
    store.write_series([silence("2007", 0, 1.0), silence("2007", 0, 2.0)])
    assert store.series("village_silence") == [silence("2007", 0, 2.0)]
    store.write_series([silence("2007", 0, 9.0)])
    assert store.series("village_silence") == [silence("2007", 0, 9.0)]


def test_adding_leaves_what_is_there(store: Store):
    """A row whose place is taken is left out, whatever it says; the others are written."""
    store.write_series([silence("2007", 0, 1.0)])
    store.add_series([silence("2007", 0, 2.0), silence("2007", 1, 3.0), silence("2008", 0, 4.0)])
    wanted = [silence("2007", 0, 1.0), silence("2008", 0, 4.0), silence("2007", 1, 3.0)]
    assert store.series("village_silence") == wanted


@pytest.fixture
def rows(store: Store) -> list[SeriesRow]:
    """Three villages, four windows: in the order that a store gives them back in."""
    written = [silence(village, at, at) for at in range(4) for village in ("2007", "2008", "2010")]
    store.write_series(written[::-1])
    return written


def test_rows_by_time(store: Store, rows: list[SeriesRow]):
    """`since` is included, `until` is not, and rows are ordered by time, then tags."""
    assert store.series("village_silence") == rows
    since_ns, until_ns = START_NS + MINUTE_NS, START_NS + 3 * MINUTE_NS
    assert store.series("village_silence", since_ns=since_ns, until_ns=until_ns) == rows[3:9]
    assert store.series("village_silence", since_ns=until_ns + 1) == []


def test_rows_by_tags(store: Store, rows: list[SeriesRow]):
    """`where` takes one text or several for any tag; none of several is none at all."""
    assert store.series("village_silence", where={"village": "33.10.25.2008"}) == rows[1::3]
    both = {"village": ["33.10.25.2007", "33.10.25.2010"], "regency": "33.10"}
    assert store.series("village_silence", where=both) == [
        row for row in rows if not row.tags[0].endswith("8")
    ]
    assert store.series("village_silence", where={"regency": "33.11"}) == []
    assert store.series("village_silence", where={"village": []}) == []


def test_the_newest_of_each(store: Store, rows: list[SeriesRow]):
    """`newest` keeps the last rows of each combination of tags, within the span that was asked for."""
    assert store.series("village_silence", newest=1) == rows[-3:]
    assert store.series("village_silence", newest=2, until_ns=START_NS + 3 * MINUTE_NS) == rows[3:9]
    assert store.series("village_silence", newest=99) == rows
    assert store.series("village_silence", newest=0) == []


def test_the_newest_of_one_that_fell_silent(store: Store, rows: list[SeriesRow]):
    """What stopped earlier than others has its last row among the newest too."""
    early = silence("1999", -50)
    store.write_series([early])
    assert store.series("village_silence", newest=1) == [early, *rows[-3:]]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (SeriesRow("nothing", (), START_NS, {"x": 1}), "nothing is no derived series"),
        (SeriesRow("late", (), START_NS, {"since_ns": 1}), "late has the tags device"),
        (SeriesRow("late", ("d",), START_NS, {"x": 1}), "late has no column x"),
        (SeriesRow("late", ("d",), START_NS, {"since_ns": "1"}), "late.since_ns is of type int"),
        (SeriesRow("late", ("d",), START_NS, {"since_ns": 1.5}), "late.since_ns is of type int"),
        (SeriesRow("late", ("d",), START_NS, {"since_ns": 2**63}), "late.since_ns is of type int"),
        (SeriesRow("pipeline", ("c",), START_NS, {"lag_p50_s": float("nan")}), "is of type float"),
        (SeriesRow("pipeline", ("c",), START_NS, {"breaker_open": 2}), "is of type bool"),
        (SeriesRow("late", ("d",), START_NS, {}), "a row needs a value"),
        (SeriesRow("late", ("d",), -1, {"since_ns": 1}), "a time since 1970"),
    ],
)
def test_what_the_table_does_not_have(store: Store, row: SeriesRow, words: str):
    """A row that no reader could make sense of is refused before anything is written."""
    with pytest.raises(ValueError, match=words):
        store.write_series([SeriesRow("late", ("desa-1",), START_NS, {"since_ns": 1}), row])
    assert store.series("late") == []


def test_wrong_questions(store: Store):
    """A question for a series or by a tag that there is not is a mistake, and no empty answer."""
    with pytest.raises(ValueError, match="nothing is no derived series"):
        store.series("nothing")
    with pytest.raises(ValueError, match="late can be asked by device only"):
        store.series("late", where={"village": "33.10.25.2007"})


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_only_text(store: Store, text: str):
    """Whatever stands in a tag or a value is stored letter by letter, and found by its tag."""
    tags = ("33.10.25.2007", "33.10.25", "33.10", "33", text)
    row = SeriesRow("sla_month", tags, START_NS, {"verdict": text, "rules_version": text})
    store.write_series([row, msgspec.structs.replace(row, tags=(*tags[:4], "other"))])
    assert store.series("sla_month", where={"provider": text}) == [row]


_TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)


def test_any_text_comes_back(reopen: Callable[[], Store]):
    """Any text in tags and values comes back, and no two of them are taken for one."""
    store = reopen()

    @settings(thorough, max_examples=max(60, thorough.max_examples // 2))
    @given(st.lists(_TEXTS, min_size=1, max_size=8, unique=True))
    def check(texts: list[str]):
        collectors = [f"{next(_names)} {text}" for text in texts]
        written = [
            SeriesRow("sla_month", (name, text, "", "", ""), START_NS, {"verdict": text})
            for name, text in zip(collectors, texts, strict=True)
        ]
        store.write_series(written)
        found = store.series("sla_month", where={"village": collectors})
        assert found == sorted(written, key=lambda row: row.tags)

    check()


def test_many_rows_at_once(store: Store):
    """More rows than one request takes are all written."""
    written = [silence(f"{at:04}", 0) for at in range(6000)]
    store.write_series(written)
    assert store.series("village_silence") == written


def test_rows_outlive_the_process(reopen: Callable[[], Store]):
    """What was written is there when the store is opened anew."""
    reopen().write_series([silence("2007", 0)])
    assert reopen().series("village_silence") == [silence("2007", 0)]


def test_columns_of_many_rows(store: Store, rows: list[SeriesRow]):
    """Wanted tags, times and columns come as lists of one length in any order; of no rows as empty ones."""
    wanted = ("village", "time_ns", "silent_minutes")
    found = store.series_columns(
        "village_silence", wanted, since_ns=START_NS + MINUTE_NS, where={"village": ["33.10.25.2008"]}
    )
    expected = [(row.tags[0], row.time_ns, row.values["silent_minutes"]) for row in rows[4::3]]
    assert sorted(zip(*(found[name] for name in wanted), strict=True)) == expected
    nothing = {name: [] for name in wanted}
    assert store.series_columns("village_silence", wanted, until_ns=START_NS) == nothing
    assert store.series_columns("village_silence", wanted, where={"village": []}) == nothing
    with pytest.raises(ValueError, match="village_silence has no column device"):
        store.series_columns("village_silence", ["device"])
