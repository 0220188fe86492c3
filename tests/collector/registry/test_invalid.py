"""Each rule of the registry's CSV has one file that breaks it, and a message that says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from pantau_collector.errors import RegistryError
from pantau_collector.registry import reader

FOLDER = Path(__file__).parent / "invalid"

ID_RULE = (
    "cannot be a device id: use 1 to 64 letters, digits, '.', '_' or '-', beginning with a letter or digit, "
    "and neither 'groups' nor a name that begins with 'collector-'"
)
COLUMNS = (
    "device, village, since, provider, technology, profile, traffic_source, state, latitude, longitude, "
    "network"
)
INSTANT = "is not an instant: write date, time and offset, such as 2026-11-01T00:00:00+07:00"
MESSAGES = {
    "empty": f": is empty: the first line must name the columns: {COLUMNS}",
    "not_utf8": ":2: is not UTF-8: in Excel save it as 'CSV UTF-8 (Comma delimited)'",
    "open_quote": (":2: is not CSV (unexpected end of data): look for a quotation mark that is not closed"),
    "missing_column": (
        ":1: the column 'village' is missing: the first line must name the columns device, village, since"
    ),
    "unknown_column": f":1: unknown column 'colour': the columns are {COLUMNS}",
    "misspelt_column": ":1: unknown column 'vilage': did you mean 'village'?",
    "double_column": ":1: the column 'device' stands there twice: remove one",
    "field_count": ":3: 3 fields where the first line names 8 columns: add or remove separators",
    "device_id": f":2: 'klaten/1' {ID_RULE}",
    "reserved_device_id": f":2: 'collector-1' {ID_RULE}",
    "unknown_village": (
        ":2: unknown village code '33.10.26.2998': "
        "did you mean 33.10.26.2008 (Tegalyoso, Klaten Selatan, Kabupaten Klaten)?"
    ),
    "unknown_province": (
        ":2: unknown village code '00.10.26.2008': "
        "look the code up with 'pantau-collector registry search NAME'"
    ),
    "district_for_village": (
        ":2: '33.10.26' is Klaten Selatan, not a village: "
        "give the code of a village in it, such as 33.10.26.1009 (Gayamprit)"
    ),
    "date_without_time": f":2: '2026-11-01' {INSTANT}",
    "date_without_offset": f":2: '2026-11-01T00:00:00' {INSTANT}",
    "impossible_date": f":2: '2026-11-31T00:00:00+07:00' {INSTANT}",
    "technology": (
        ":2: unknown technology 'fiberglass': "
        "use one of fibre, cable, dsl, 4g, 5g, wireless, satellite, other, or leave it empty"
    ),
    "profile": (":2: 'jam kerja' cannot be the name of an SLA profile: use letters, digits, '.', '_' or '-'"),
    "traffic_source": ":2: 'maybe' in the column 'traffic_source' is neither yes nor no",
    "network": (
        ":2: 'rumah' is not a network's fingerprint: 'pantau-collector sla networks' shows those that "
        "devices reported; write several with a space between"
    ),
    "state": ":2: unknown state 'broken': use one of active, retired",
    "latitude": (
        ":2: '110.6061' in the column 'latitude' is not a number of degrees from -11.5 to 6.5, as all of "
        "Indonesia has: write such as -7.7056 and 110.6061, or leave both empty"
    ),
    "half_a_point": ":2: one of latitude and longitude is empty: give both, or neither",
    "provider": ":2: the column 'provider' holds more than 200 characters or a control character",
    "duplicate": (
        ":3: klaten-1 has a row for 2026-11-01T00:00:00+07:00 already, in line 2: "
        "remove one of the two, or give the later its own instant"
    ),
    "two_traffic_sources": (
        ":3: 33.10.26.2008 (Tegalyoso) has a traffic source already, klaten-1 in line 2: set traffic_source "
        "to 'no' in one of the two, or first add a row that ends the other's"
    ),
}


def test_there_is_one_file_per_rule() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(MESSAGES)


@pytest.mark.parametrize("rule", MESSAGES)
def test_a_broken_rule_is_named_with_file_line_and_remedy(rule: str) -> None:
    path = FOLDER / f"{rule}.csv"
    assert reader.check(path) == [f"{path}{MESSAGES[rule]}"]
    with pytest.raises(RegistryError) as error:
        reader.read(path)
    assert str(error.value) == f"{path}{MESSAGES[rule]}"


@pytest.mark.parametrize("rule", MESSAGES)
def test_every_message_exists_in_indonesian(rule: str) -> None:
    path = FOLDER / f"{rule}.csv"
    [indonesian] = reader.check(path, "id")
    assert indonesian != reader.check(path)[0]
    assert "{" not in indonesian


def test_a_missing_file_says_how_to_begin(tmp_path: Path) -> None:
    path = tmp_path / "none.csv"
    [message] = reader.check(path)
    assert (
        message
        == f"{path}: there is no such file: write it, or begin it with 'pantau-collector registry add'"
    )


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "devices.csv"
    path.write_text("device,village,since\na/b,33.10.26.2998,yesterday\nklaten-1,33,now\n")
    assert [message.split(": ")[0] for message in reader.check(path)] == [f"{path}:2"] * 3 + [f"{path}:3"] * 2
