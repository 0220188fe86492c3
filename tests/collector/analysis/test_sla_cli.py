"""`pantau-collector sla verdict`: what it prints, and how it says what is wrong with a file."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pantau_collector.analysis.profiles import Profile, from_mapping
from pantau_collector.cli import main

DOCS = Path(__file__).parents[3] / "docs"
EXAMPLE = re.search(r"```json\n(.*?)```", (DOCS / "sla.md").read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGUAGE", "en")


def example() -> dict[str, Any]:
    """Return the file that the documentation shows."""
    assert EXAMPLE is not None
    found: dict[str, Any] = json.loads(EXAMPLE[1])
    return found


def run(tmp_path: Path, document: Any, *options: str) -> int:
    path = tmp_path / "month.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    return main(["sla", "verdict", "--input", str(path), *options])


def test_the_documented_file_is_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, example(), "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["verdict"] == "insufficient_data"
    assert found["minutes"]["maintenance"] == 120
    assert (found["minutes"]["up"], found["minutes"]["link_down"]) == (1, 1)
    assert found["metrics"]["download"] == {
        "verdict": "insufficient_data",
        "n": 1,
        "k": 1,
        "share": 1.0,
        "lower": pytest.approx(0.26987, abs=1e-5),
        "upper": 1.0,
        "target": 0.8,
        "why": "few_tests",
        "days": 1,
        "mean": 18_400_000.0,
    }
    assert found["profiles"][0]["holidays"] == ["2026-08-17"]


def test_the_documented_profile_has_every_key_and_the_defaults() -> None:
    documented = example()["profile"]
    assert set(documented) == set(Profile.__struct_fields__)
    required = ("name", "contracted_download_bps", "contracted_upload_bps", "since", "holidays")
    assert from_mapping({key: documented[key] for key in required}) == from_mapping(documented)


@pytest.mark.parametrize("page", ["sla.md", "putusan.md"])
def test_both_pages_explain_every_key(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    assert [key for key in Profile.__struct_fields__ if f"`{key}`" not in text and key not in text] == []


def test_people_read_it_in_their_language(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, example(), "--lang", "id") == 0
    indonesian = capsys.readouterr().out
    assert indonesian.startswith("2026-08 (Asia/Jakarta), profil default, aturan 1: DATA TIDAK CUKUP\n")
    assert "uji yang dihitung terlalu sedikit" in indonesian
    assert run(tmp_path, example()) == 0
    english = capsys.readouterr().out
    assert english.startswith("2026-08 (Asia/Jakarta), profile default, rules 1: INSUFFICIENT DATA\n")
    assert "minutes: up 1, link down 1, unknown 44518, maintenance 120\n" in english


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in example().items() if name != key}


def with_profile(**keys: Any) -> dict[str, Any]:
    return example() | {"profile": example()["profile"] | keys}


def with_cell(column: int, value: Any) -> dict[str, Any]:
    found = example()
    found["devices"][0]["samples"][1][column] = value
    return found


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("{", "is not JSON"),
        ("", "is not JSON"),
        ('{"profile": {"name": ' + "[" * 100_000, "is not JSON"),
        ("[]", "at $: Expected `object`, got `array`. What belongs there: an object with month"),
        (without("month"), "at $: Object missing required field `month`"),
        (without("devices"), "at $: Object missing required field `devices`"),
        (example() | {"month": "2026-13"}, "'2026-13' is not a month: write it as 2026-08"),
        (example() | {"month": "August"}, "'August' is not a month"),
        (
            example() | {"timezone": "Europe/Berlin"},
            "'Europe/Berlin' is not a time zone of Indonesia: use one",
        ),
        (example() | {"speedtests": []}, "at $: unknown key 'speedtests': did you mean 'speed_tests'?"),
        (example() | {"x": 1}, "at $: unknown key 'x': remove it; the keys are month, timezone, profile"),
        (
            with_profile(latency_ms=100),
            "at $.profile: unknown key 'latency_ms': did you mean 'latency_max_ms'?",
        ),
        (with_profile(latency_max_ms=99.5), "at $.profile.latency_max_ms: Expected `int`, got `float`"),
        (with_profile(loss_max_ratio=5), "at $.profile.loss_max_ratio: Expected `float` <= 1.0"),
        (with_profile(busy_from="7pm"), "at $.profile.busy_from: Expected `str` matching regex"),
        (with_profile(busy_from="22:00"), "at $.profile: busy_from must lie before busy_to"),
        (with_profile(since="2026-02-30"), "at $.profile.since: Invalid RFC3339"),
        (example() | {"profile": {"name": "default"}}, "missing required field `contracted_download_bps`"),
        (example() | {"profile": []}, "the list is empty: give at least one profile"),
        (example() | {"profile": [example()["profile"]] * 2}, "two profiles begin on 2026-01-01"),
        (with_cell(5, "fine"), "at $.devices[0].samples[1][5] (evidence): Invalid enum value 'fine'"),
        (with_cell(0, 1785517260000), "at $.devices[0].samples[1][0] (minute_epoch_s): Expected `float` <="),
        (with_cell(4, -1), "at $.devices[0].samples[1][4] (uptime_s): Expected `float` >= 0"),
        (with_cell(2, 3), "at $.devices[0].samples[1]: first_seq is more than last_seq"),
        (with_cell(7, 21), "at $.devices[0].samples[1]: received is more than sent"),
        (example() | {"devices": [{"id": "a", "samples": [[1785517200]]}]}, "Expected `array` of length 10"),
        (
            example() | {"devices": [{"id": "a", "sample": []}]},
            "unknown key 'sample': did you mean 'samples'?",
        ),
        (example() | {"devices": example()["devices"] * 2}, "stands there twice: put its samples together"),
        (example() | {"maintenance": [[1785970800, 1785970800, 1785798000]]}, "it must end after it begins"),
        (
            example() | {"speed_tests": [[1785589200, -1, 1, True]]},
            "at $.speed_tests[0][1]: Expected `float` >= 0",
        ),
        (example() | {"speed_tests": [[1785589200, 1, 1, "yes"]]}, "counted is true or false"),
    ],
)
def test_what_is_wrong_is_said_with_its_place_and_remedy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], document: Any, message: str
) -> None:
    assert run(tmp_path, document) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert message in said.err
    assert len(said.err.splitlines()) == 1
    assert said.err.startswith(str(tmp_path / "month.json"))


def test_long_outages_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = example()
    first = document["devices"][0]["samples"].pop()
    for number in range(12 * 9):
        down = number % 9 < 6
        row = [first[0] + number * 60, 8 + number, 8 + number, "5f0c7e9a", 86_460 + number * 60]
        told = ["unanswered", 20, 0, None, None] if down else ["answered", 20, 20, 30.0, 5.0]
        document["devices"][0]["samples"].append([*row, *told])
    assert run(tmp_path, document) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[-11] == (
        "long outage from 2026-08-01T00:01:00+07:00 to 2026-08-01T00:07:00+07:00: 6 min, of which 6 count in"
        " this month"
    )
    assert printed[-1] == "and 2 more long outage(s): --json prints all"


def test_other_commands_start_without_numpy() -> None:
    """It costs memory and time that a collector without analysis need not pay."""
    code = "import sys, pantau_collector.cli; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=120).returncode == 0


def test_a_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sla", "verdict", "--input", str(tmp_path / "no.json"), "--lang", "id"]) == 2
    assert "tidak dapat dibaca" in capsys.readouterr().err


def test_two_samples_in_any_second_of_a_minute_are_that_minute(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, with_cell(0, 1785517260 + 59.9), "--json") == 0
    assert json.loads(capsys.readouterr().out)["minutes"]["link_down"] == 1
