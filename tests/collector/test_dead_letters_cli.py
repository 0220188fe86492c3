"""`pantau-collector dead-letters` as an operator uses it."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING

import pytest
from tests.collector.ingest import processes
from tests.collector.ingest.envelopes import BAD_DATA, START_NS, bad_record, envelope, envelope_of, record

from pantau_collector.cli import main
from pantau_collector.deadletters import DeadLetter, DeadLetters, Quota
from pantau_collector.ingest.sorting import Message, Rules, sort_message
from pantau_collector.ingest.writer import Writer
from pantau_collector.metrics import Metrics
from pantau_collector.storage.sqlite import SqliteStore
from pantau_wire import codec

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pantau_collector.storage.base import Point

EVERYONE = Rules(lambda _: True, unregistered_retry_s=300, newer_agent_retry_s=3600)


class Desk:
    """An operator's shell on a collector's machine."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.settings = processes.settings(folder)
        self._folder = folder
        self._capture = capture

    def ask(self, *words: str) -> tuple[int, str]:
        """Run a command; return its exit code and what it printed, errors included."""
        self._capture.readouterr()
        code = main(["--config", str(self.settings.file), "dead-letters", *words])
        captured = self._capture.readouterr()
        return code, captured.out + captured.err

    def rotate(self, payload: bytes, content_type: str | None, device: str = "desa-1") -> None:
        """The same, where there is room for one letter of each device."""
        self.refuse(payload, content_type, device, Quota(device_letters=1))

    def refuse(
        self,
        payload: bytes,
        content_type: str | None,
        device: str = "desa-1",
        quota: Quota | None = None,
    ) -> None:
        """Have the ingest take a message, as it does when a device publishes it."""
        topic = f"pantau/v1/{device}/measurements"
        found = sort_message(Message(topic, payload, content_type), EVERYONE, START_NS + 10**12)
        with (
            contextlib.closing(SqliteStore(self._folder / "pantau.db")) as store,
            contextlib.closing(DeadLetters(self._folder / "dead-letters.db", quota)) as letters,
        ):
            Writer(store, letters, Metrics()).write([found])

    def keep(self, payload: bytes, content_type: str = codec.JSON, device: str = "desa-1") -> None:
        """Have a letter that the code of an earlier day refused."""
        with contextlib.closing(DeadLetters(self._folder / "dead-letters.db")) as letters:
            letters.keep(
                [DeadLetter(device, START_NS, "invalid_record", "an old fault", payload, content_type)]
            )

    def points(self) -> list[Point]:
        with contextlib.closing(SqliteStore(self._folder / "pantau.db")) as store:
            return store.points("dns", "desa-1")


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("LANGUAGE", "en")
    return Desk(tmp_path, capsys)


def test_nothing_to_list(desk: Desk):
    """Without dead letters the list says so, and as JSON it is empty."""
    assert desk.ask("list") == (0, "no dead letters\n")
    assert desk.ask("list", "--json") == (0, "")


def test_list(desk: Desk):
    """The list has a line for each letter, with its number, instant, device, reason and detail."""
    desk.refuse(*envelope_of(bad_record(1), record(2)))
    desk.refuse(b"garbage", None, device="desa-2")
    code, text = desk.ask("list")
    first, second = text.splitlines()
    assert code == 0
    assert first == (
        "1\t2025-06-15T15:23:20+00:00\tdesa-1\tinvalid_record"
        "\tExpected `float` >= 0.0 - at `$.data.resolve_ms`"
    )
    assert second.split("\t")[:4] == ["2", "2025-06-15T15:23:20+00:00", "desa-2", "malformed"]
    assert desk.ask("list", "--device", "desa-2") == (0, second + "\n")


def test_list_as_json(desk: Desk):
    """The list for machines has one object per line; what came twice is counted, not listed twice."""
    desk.refuse(*envelope_of(bad_record(1)))
    desk.refuse(*envelope_of(bad_record(1), attempt=2))
    _, text = desk.ask("list", "--json")
    (letter,) = map(json.loads, text.splitlines())
    assert (letter["id"], letter["times_count"], letter["reason"]) == (1, 2, "invalid_record")
    assert set(letter) == {
        "id", "device", "at", "last_at", "times_count", "reason", "detail", "payload_bytes", "content_type",
    }  # fmt: skip


def test_summary(desk: Desk):
    """By device and reason: what is kept, what made room, how often and when; most first."""
    desk.refuse(b"garbage", None, device="desa-2")
    desk.refuse(*envelope_of(bad_record(1), bad_record(2), bad_record(3)))
    desk.refuse(b"garbage", None, device="collector-1")
    desk.rotate(b"other", None, device="desa-2")
    code, text = desk.ask("list", "--summary", "--lang", "en")
    first, second, third = text.splitlines()
    instant = "2025-06-15T15:23:20+00:00"
    assert code == 0
    assert first.startswith("desa-1, invalid_record: 3 kept (")
    assert second == (
        "desa-2, malformed: 1 kept (5 bytes), 1 made room; arrived 2 time(s),"
        f" first {instant}, last {instant}"
    )
    assert third.startswith("(no device's topic), invalid_topic: 1 kept (7 bytes), 0 made room;")
    assert desk.ask("list", "--summary", "--device", "desa-2", "--lang", "en") == (0, second + "\n")
    assert "desa-2, malformed: 1 disimpan" in desk.ask("list", "--summary", "--lang", "id")[1]


def test_summary_as_json(desk: Desk):
    """For machines the same, one object per line."""
    desk.refuse(b"garbage", None)
    desk.rotate(b"other", None)
    (found,) = map(json.loads, desk.ask("list", "--summary", "--json")[1].splitlines())
    assert found == {
        "device": "desa-1",
        "reason": "malformed",
        "kept_count": 1,
        "kept_bytes": 5,
        "rotated_count": 1,
        "rotated_bytes": 7,
        "times_count": 2,
        "first_at": "2025-06-15T15:23:20+00:00",
        "last_at": "2025-06-15T15:23:20+00:00",
    }


@pytest.mark.parametrize(
    ("payload", "content_type", "shown"),
    [
        (b"gar\xffbage", None, "gar\\xffbage"),
        (*envelope(range(1, 50)), '"seq":49'),
        (envelope(range(1, 50))[0][:-3], codec.DEFLATED_JSON, "x\\x9c"),
    ],
)
def test_show(desk: Desk, payload: bytes, content_type: str | None, shown: str):
    """A letter is shown with its payload as text: inflated where that is possible."""
    desk.keep(payload, content_type)
    code, text = desk.ask("show", "1")
    assert code == 0
    assert shown in json.loads(text)["payload"]


def test_discard(desk: Desk):
    """A discarded letter is gone, and no other one."""
    desk.refuse(*envelope_of(bad_record(1), bad_record(2)))
    assert desk.ask("discard", "1") == (0, "dead letter 1 is deleted\n")
    assert [line.split("\t")[0] for line in desk.ask("list")[1].splitlines()] == ["2"]


@pytest.mark.parametrize("command", ["show", "discard", "replay"])
def test_unknown_numbers(desk: Desk, command: str):
    """A number that there is not is answered with where to look, and exit code 2."""
    assert desk.ask(command, "7") == (
        2,
        "pantau-collector: there is no dead letter 7; see: pantau-collector dead-letters list\n",
    )


def test_replay_after_the_code_was_mended(desk: Desk):
    """What today's code takes is stored and no longer a dead letter."""
    desk.keep(*envelope([1, 2, 3]))
    assert desk.ask("replay") == (0, "1: stored\n")
    assert [point.seq for point in desk.points()] == [1, 2, 3]
    assert desk.ask("list") == (0, "no dead letters\n")


def test_replay_after_the_registry_was_mended(desk: Desk):
    """A letter of a device that is not registered stays, and is taken once it is."""
    desk.settings.register("desa-9")
    desk.keep(*envelope([1]))
    assert desk.ask("replay") == (1, "1: stays: deferred: unregistered\n")
    desk.settings.register("desa-1")
    assert desk.ask("replay", "1") == (0, "1: stored\n")
    assert len(desk.points()) == 1


def test_replay_of_what_is_still_bad(desk: Desk):
    """Of several letters those that are still refused stay, and the exit code is 1."""
    desk.keep(*envelope_of(bad_record(1)))
    desk.keep(*envelope([2]))
    desk.keep(b"garbage")
    code, text = desk.ask("replay")
    first, second, third = text.splitlines()
    assert (code, second) == (1, "2: stored")
    assert first == "1: stays: Expected `float` >= 0.0 - at `$.data.resolve_ms`"
    assert third.startswith("3: stays: ")
    assert [line.split("\t")[0] for line in desk.ask("list")[1].splitlines()] == ["1", "3"]


def test_replay_of_what_is_stored_already(desk: Desk):
    """A letter whose points came by another way meanwhile is done with."""
    desk.refuse(*envelope([1]))
    desk.keep(*envelope([1]))
    assert desk.ask("replay") == (0, "1: stored\n")
    assert len(desk.points()) == 1


def test_replay_does_not_overwrite(desk: Desk):
    """A letter that says something else than what is stored stays a letter."""
    desk.refuse(*envelope([1]))
    other = BAD_DATA.replace(b"-1", b"7")
    desk.refuse(*envelope_of(record(1, other)))
    assert desk.ask("replay") == (1, "1: stays: another value is stored for this time\n")
    assert [point.values["resolve_ms"] for point in desk.points()] == [1.0]


def test_replay_of_an_impossible_topic(desk: Desk):
    """What came under a topic that cannot be stays, and is no crash."""
    desk.refuse(*envelope([1]), device="collector-1")
    code, text = desk.ask("replay")
    assert (code, text.startswith("1: stays: ")) == (1, True)


@pytest.mark.parametrize("spoil", [lambda file: file.unlink(), lambda file: file.write_text("nonsense")])
def test_replay_without_a_registry(desk: Desk, spoil: Callable[[Path], object]):
    """Without a registry nothing can be replayed, nothing is lost, and the message names the file."""
    desk.keep(*envelope([1]))
    spoil(desk.settings.folder / "devices.csv")
    code, text = desk.ask("replay")
    assert (code, "devices.csv" in text) == (2, True)
    assert len(desk.ask("list")[1].splitlines()) == 1
