"""What `pantau-demo fleet` says to wrong words, and does with right ones."""

import contextlib
import sqlite3
from pathlib import Path

import pytest

from pantau_demo.errors import DemoError
from pantau_demo.fleet import command, surges

NOW = 29_800_000


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("factor=3", "needs village and factor"),
        ("village=33.10.25.2007", "needs village and factor"),
        ("village=33.10.25.2007,factor=-1", "must be a number above 0, at most 1000"),
        ("village=33.10.25.2007,factor=nan", "must be a number above 0"),
        ("village=33.10.25.2007,factor=3,minutes=1e9", "at most 10080"),
        (
            "village=33.10.25.2007,factor=3,at=tomorrow",
            "cannot read at=tomorrow: write 2026-11-28T20:00+07:00",
        ),
        ("village=33.10.25.2007,factor=3,at=2026-11-28T20:00", "has no time zone: add +07:00"),
        ("village=33.10.25.2007,faktor=3", "does not know 'faktor'"),
    ],
)
def test_a_wrong_surge_is_told_what_is_wrong_and_how_it_is_written(text, complaint):
    """The complaint names the part, and an example that works stands under it."""
    with pytest.raises(DemoError) as caught:
        surges.parse(text, NOW)
    assert complaint in str(caught.value)
    assert surges.EXAMPLE in str(caught.value)


def test_a_surge_may_begin_now_or_soon():
    """`at` may be left out, or be so many minutes ahead."""
    assert surges.parse("village=33.10.25.2007,factor=3", NOW).first_minute == NOW
    assert surges.parse("village=33.10.25.2007,factor=3,at=+10m,minutes=5", NOW) == surges.Surge(
        "33.10.25.2007", 3.0, NOW + 10, 5
    )


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--area", "nirgendwo"], "no area is called nirgendwo"),
        (["--area", "33.10.25", "--devices", "9000"], "9000 devices do not fit: 9 villages take 1 to 27"),
        (
            ["--area", "33.10.25", "--surge", "village=11.01.01.2001,factor=2"],
            "no village of this fleet has the code",
        ),
        (["--area", "33.10.25", "--broker", "127.0.0.1:1"], "cannot reach the broker at 127.0.0.1:1"),
        (["--history", "3d", "--area", "33.10.25"], "where shall the history go?"),
        (["--resume", "/nowhere/fleet.json"], "cannot read /nowhere/fleet.json"),
    ],
)
def test_wrong_words_end_with_2_and_say_what_to_do(words, complaint, capsys):
    """No traceback, no half-done work."""
    assert command.main(words) == 2
    assert complaint in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--devices", "0"], "use 1 to 251,289"),
        (["--rate", "0.5x"], "use a number from 1 to 1000, such as 1x"),
        (["--history", "9999d"], "use 1 to 800, such as 60d"),
        (["--broker", "here"], "use host:port, such as 127.0.0.1:1883"),
        (["--duration", "-3"], "use seconds, such as 60"),
    ],
)
def test_absurd_numbers_are_refused_by_the_parser(words, complaint, capsys):
    """Argparse's own way: usage, the complaint, exit code 2."""
    with pytest.raises(SystemExit) as caught:
        command.main(words)
    assert caught.value.code == 2
    assert complaint in capsys.readouterr().err


def test_a_history_is_written_into_a_store_through_the_collector_s_import(tmp_path: Path):
    """From one command to rows of every kind, and the registry that they belong to."""
    store, registry = tmp_path / "pantau.db", tmp_path / "devices.csv"
    words = ["--area", "33.10.25", "--history", "3d", "--fine", "1d", "--to", str(store)]
    assert command.main([*words, "--registry", str(registry), "--cadence", "metered"]) == 0
    with contextlib.closing(sqlite3.connect(store)) as db:
        counts = {
            name: db.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
            for name in ("traffic", "speed", "delivery", "village_5m", "village_1h", "regency_1h", "registry")
        }
    devices = len(registry.read_text().splitlines()) - 1
    assert counts["registry"] == devices
    assert counts["traffic"] > 0.8 * devices * 1440
    assert all(counts.values()), counts
