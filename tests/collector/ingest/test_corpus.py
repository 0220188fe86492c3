"""A device with a valid certificate attacks: all that it sends ends where it should, and nothing else stops.

The whole way but the broker: admission, sorting, dead letters and store on a disk, answers.
"""

from __future__ import annotations

import contextlib
import tracemalloc
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.collector.ingest.envelopes import envelope
from tests.collector.ingest.hostile import CORPUS, LINE_PROTOCOL, NOW_NS, Attack, messages
from tests.wire.strategies import thorough

from pantau_collector.config import IngestConfig
from pantau_collector.deadletters import DeadLetters
from pantau_collector.ingest import answers
from pantau_collector.ingest.admission import Admission
from pantau_collector.ingest.sorting import Message, Rules
from pantau_collector.ingest.writer import Writer
from pantau_collector.metrics import Metrics
from pantau_collector.storage.sqlite import SqliteStore
from pantau_wire import codec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pantau_wire.envelope import Ack

RULES = Rules(lambda device: device != "stranger", unregistered_retry_s=300.0, newer_agent_retry_s=3600.0)
NO_LIMITS = IngestConfig(device_envelopes_per_s=1e6, device_records_per_s=1e6, device_kb_per_s=1e6)
MIB = 1024 * 1024


@dataclass
class Line:
    """Everything behind the broker."""

    store: SqliteStore
    letters: DeadLetters
    writer: Writer
    admission: Admission

    def take(self, *batch: Message) -> dict[str, list[Ack]]:
        """Write messages together; return what each device is told."""
        sorted_ones = [found for one in batch if (found := self.admission.sort(one, NOW_NS)) is not None]
        refused = self.writer.write(sorted_ones)
        told: dict[str, list[Ack]] = {}
        for topic, payload, content_type in answers.acks_of_stored(sorted_ones, refused, NOW_NS):
            told.setdefault(topic.split("/")[2], []).append(codec.decode_ack(payload, content_type))
        return told


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[Line]:
    with (
        contextlib.closing(SqliteStore(folder / "pantau.db")) as store,
        contextlib.closing(DeadLetters(folder / "dead-letters.db")) as letters,
    ):
        metrics = Metrics()
        yield Line(store, letters, Writer(store, letters, metrics), Admission(RULES, NO_LIMITS, metrics))


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    with opened(tmp_path) as found:
        yield found


@pytest.fixture(scope="module")
def shared_line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """One for all examples of Hypothesis: what one leaves must not harm the next."""
    with opened(tmp_path_factory.mktemp("shared")) as found:
        yield found


def message(payload: bytes, content_type: str | None, device: str = "desa-1") -> Message:
    return Message(f"pantau/v1/{device}/measurements", payload, content_type)


def good(first: int, device: str = "desa-1") -> Message:
    return message(*envelope(range(first, first + 3), device=device, spool="good"), device=device)


def said(acks: Sequence[Ack], spool: str) -> dict[str, set[int]]:
    """The numbers of a spool by what was said of them."""
    mine = [ack for ack in acks if ack.spool == spool]
    return {
        "stored": {seq for ack in mine for first, last in ack.stored for seq in range(first, last + 1)},
        "rejected": {entry.seq for ack in mine for entry in ack.rejected},
        "deferred": {
            seq for ack in mine for one in ack.deferred for seq in range(one.first_seq, one.last_seq + 1)
        },
    }


@pytest.mark.parametrize("attack", CORPUS.values(), ids=CORPUS.keys())
def test_each_attack_ends_where_it_should(line: Line, attack: Attack):
    """As a dead letter with its reason, or stored, or deferred; what came along is stored and answered."""
    told = line.take(
        good(101),
        good(101, "desa-2"),
        message(attack.payload, attack.content_type),
        good(201),
        good(201, "desa-3"),
    )
    assert said(told["desa-1"], "s1") == {
        "stored": set(attack.stored),
        "rejected": set(attack.rejected),
        "deferred": set(attack.deferred),
    }
    assert Counter(letter.reason for letter in line.letters.list()) == Counter(attack.reasons)
    assert {letter.device for letter in line.letters.list()} <= {"desa-1"}
    assert line.store.stored_seqs("desa-1", "good") == [(101, 103), (201, 203)]
    assert said(told["desa-1"], "good")["stored"] == {101, 102, 103, 201, 202, 203}
    assert said(told["desa-2"], "good")["stored"] == {101, 102, 103}
    assert said(told["desa-3"], "good")["stored"] == {201, 202, 203}


def test_the_whole_corpus_in_one_batch(line: Line):
    """All of it together changes nothing for the neighbour, nor for the next batch."""
    attacks = [message(attack.payload, attack.content_type) for attack in CORPUS.values()]
    told = line.take(*attacks, good(101, "desa-2"))
    assert said(told["desa-2"], "good")["stored"] == {101, 102, 103}
    told = line.take(good(301))
    assert said(told["desa-1"], "good")["stored"] == {301, 302, 303}
    assert {tally.reason for tally in line.letters.tallies()} >= {
        reason for attack in CORPUS.values() for reason in attack.reasons
    }


@pytest.mark.parametrize("name", LINE_PROTOCOL)
def test_what_injects_is_only_text(line: Line, name: str):
    """A text that means something to a database, a shell or a browser is stored, and means nothing."""
    attack = CORPUS[f"a name that injects: {name}"]
    line.take(message(attack.payload, attack.content_type))
    assert [point.values["name"] for point in line.store.points("dns", "desa-1")] == ["n", name, "n"]
    assert [found.device for found in line.store.activity()] == ["desa-1"]


def test_of_a_member_that_is_given_twice_the_last_one_counts(line: Line):
    """As the specification says: for the collector's checks and for the store alike."""
    attack = CORPUS["the same value, twice"]
    line.take(message(attack.payload, attack.content_type))
    assert [point.values["resolve_ms"] for point in line.store.points("dns", "desa-1")] == [1.0, 1.0, 3.0]


@pytest.mark.parametrize("name", ["a bomb of spaces", "a bomb of brackets", "a bomb within a bomb"])
def test_a_bomb_takes_little_memory(line: Line, name: str):
    """64 MiB that travel as 64 KiB are refused without being unfolded."""
    attack = CORPUS[name]
    one = message(attack.payload, attack.content_type)
    line.take(good(1))
    tracemalloc.start()
    try:
        line.take(one)
        assert tracemalloc.get_traced_memory()[1] < 2 * MIB
    finally:
        tracemalloc.stop()


@thorough
@given(st.lists(messages(), max_size=3))
def test_whatever_comes_the_neighbour_is_stored(shared_line: Line, batch: list[Message]):
    """Any bytes under any topic: the batch is written, and who sent something good is told `stored`."""
    told = shared_line.take(*batch, good(101, "desa-2"))
    assert said(told["desa-2"], "good")["stored"] == {101, 102, 103}


@thorough
@given(st.binary(max_size=500), st.none() | st.sampled_from([codec.JSON, codec.DEFLATED_JSON, "\x00"]))
def test_arbitrary_bytes_become_a_dead_letter(shared_line: Line, payload: bytes, content_type: str | None):
    """What is no envelope is kept byte for byte."""
    shared_line.take(message(payload, content_type, "desa-9"), good(101, "desa-2"))
    assert list(shared_line.letters.list("desa-9"))[-1].reason in {"malformed", "invalid_envelope"}
    assert payload in {letter.payload for letter in shared_line.letters.list("desa-9")}
