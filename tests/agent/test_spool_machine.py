"""A card that is moved to another machine, or copied: a new spool id, and nothing that it holds is lost."""

import sqlite3

import pytest
from tests.agent.support.collector import Collector, stored
from tests.agent.support.device import Device, running, until
from tests.agent.support.spools import MEASUREMENT, START_NS, open_spool, seqs_of, stamp
from tests.fakes import brokers

from pantau_agent import machine
from pantau_agent.publisher.numbering import in_the_file, number_of
from pantau_wire.envelope import Ack, Deferred, Dropped, Rejected

HERE = {"serial": "a" * 32, "system": "m" * 32}
THERE = {"serial": "b" * 32, "system": "m" * 32}  # the copied card has the same /etc/machine-id


@pytest.fixture
def broker(tmp_path):
    with brokers.running("mosquitto", tmp_path) as broker:
        yield broker


def filled(path, marks, count, boot="boot-a"):
    spool = open_spool(path, marks=marks)
    for number in range(count):
        spool.put(stamp(START_NS + number, boot), MEASUREMENT)
    spool.commit()
    return spool


def root_with(folder, **files):
    for path, text in files.items():
        file = folder / machine._SOURCES[path]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


def test_marks_are_hashed_and_nothing_is_taken_for_a_mark_that_says_nothing(tmp_path):
    """A board's serial number, an unset board id, a machine-id that must not be handed on."""
    found = machine.marks(
        root_with(tmp_path, serial="10000000a3c1b2d4\0", board="0" * 32 + "\n", system="3d1219c7c4c5\n")
    )
    assert set(found) == {"serial", "system"}
    assert "a3c1b2d4" not in str(found)
    assert "3d1219c7" not in str(found)
    assert machine.marks(tmp_path / "nowhere") == {}


@pytest.mark.parametrize(
    ("known", "here", "another"),
    [
        (HERE, HERE, False),
        (HERE, THERE, True),
        ({"system": "m"}, {"system": "n"}, True),
        ({"serial": "a", "system": "m"}, {"serial": "a", "system": "n"}, False),  # installed anew
        ({"board": "a", "system": "m"}, {"system": "m"}, False),  # who is not root cannot read the board's id
        ({"board": "a"}, {"system": "m"}, False),
        ({}, HERE, False),
    ],
)
def test_the_most_telling_mark_that_both_have_decides(known, here, another):
    assert machine.is_another(known, here) is another


def test_on_its_own_machine_a_spool_stays_what_it_is(tmp_path):
    path = tmp_path / "spool.db"
    first = filled(path, HERE, 2)
    first.close()
    again = filled(path, HERE, 1)
    assert (again.spool_id, seqs_of(again)) == (first.spool_id, [1, 2, 3])
    again.close()


def test_a_spool_from_before_is_bound_where_it_is_opened(tmp_path):
    path = tmp_path / "spool.db"
    first = filled(path, None, 1)
    first.close()
    bound = filled(path, HERE, 1)
    assert bound.spool_id == first.spool_id
    bound.close()
    moved = filled(path, THERE, 1)
    assert moved.spool_id != first.spool_id
    moved.close()


def test_a_moved_spool_keeps_what_it_holds_under_the_old_id_and_numbers_anew(tmp_path):
    """Envelopes never mix the two, although the boot may be the same: a suspended machine that was copied."""
    path = tmp_path / "spool.db"
    first = filled(path, HERE, 3)
    first.close()
    moved = filled(path, THERE, 2)
    assert seqs_of(moved) == [1, 2, 3]
    assert [record.seq for record in moved.peek(4, 9, 9)] == [4, 5]
    old, new = moved.eras.of_seq(3), moved.eras.of_seq(4)
    assert (old.spool_id, number_of(3, old)) == (first.spool_id, 3)
    assert (new.spool_id, number_of(4, new), number_of(5, new)) == (moved.spool_id, 1, 2)
    assert number_of(2, new) == 1
    moved.close()


def test_a_spool_that_moves_before_it_numbered_anything_leaves_no_empty_id(tmp_path):
    path = tmp_path / "spool.db"
    filled(path, HERE, 0).close()
    moved = filled(path, THERE, 1)
    assert moved.eras.of_seq(1).spool_id == moved.spool_id
    assert number_of(1, moved.eras.of_seq(1)) == 1
    moved.close()


def test_the_original_is_answered_for_numbers_that_the_copy_does_not_have(tmp_path):
    """Both hear the acks of their device; what the original measured since deletes nothing in the copy."""
    path = tmp_path / "spool.db"
    first = filled(path, HERE, 3)
    first.close()
    copy = filled(path, THERE, 4)
    ack = Ack(
        spool=first.spool_id,
        time_ns=1,
        stored=((2, 6), (8, 9)),
        rejected=(Rejected(seq=1, reason="r"), Rejected(seq=5, reason="r")),
        deferred=(Deferred(first_seq=3, last_seq=7, retry_after_s=1, reason="rate_limit"),),
    )
    local = in_the_file(ack, copy.eras.of_spool(first.spool_id))
    assert (local.stored, [entry.seq for entry in local.rejected]) == (((2, 3),), [1])
    assert [(entry.first_seq, entry.last_seq) for entry in local.deferred] == [(3, 3)]
    answer = Ack(spool=copy.spool_id, time_ns=1, stored=((1, 2),))
    assert in_the_file(answer, copy.eras.of_spool(copy.spool_id)).stored == ((4, 5),)
    assert copy.eras.of_spool("somebody-elses") is None
    copy.close()


def test_what_a_full_spool_drops_is_announced_under_the_id_that_numbered_it(tmp_path):
    """A range that reaches over the move is told as two; each is forgotten when it was confirmed."""
    path = tmp_path / "spool.db"
    first = filled(path, HERE, 3)
    first.close()
    moved = filled(path, THERE, 4)
    moved.give_up([2, 3, 4, 5], "too_large")
    expected = [
        Dropped(first_seq=2, last_seq=3, reason="too_large", spool=first.spool_id),
        Dropped(first_seq=1, last_seq=2, reason="too_large"),
    ]
    assert moved.dropped() == expected
    moved.forget_dropped(expected[:1])
    moved.commit()
    moved.close()
    again = open_spool(path, marks=THERE)
    assert again.dropped() == expected[1:]
    again.close()


def test_an_envelope_names_few_spools_and_the_others_wait_their_turn(tmp_path):
    """Six moves, and something was dropped after each: four ids at a time, none is forgotten."""
    path = tmp_path / "spool.db"
    for number in range(6):
        spool = filled(path, {"serial": str(number)}, 1)
        spool.give_up([spool.last_seq], "too_large")
        told = spool.dropped()
        spool.close()
    assert len(told) == 4
    again = open_spool(path, marks={"serial": "5"})
    again.forget_dropped(told)
    again.commit()
    assert len({entry.spool for entry in [*told, *again.dropped()]}) == 6
    again.close()


async def test_everything_arrives_whatever_moved_where(broker, tmp_path):
    """Over a real broker: the old records under the old id with the old numbers, the new ones from 1."""
    path = tmp_path / "spool.db"
    first = open_spool(path, marks=HERE)
    Device(first, "desa-7", broker.port).measure(5, boot="boot-a")
    first.close()
    moved = open_spool(path, marks=THERE)
    moved.give_up([2], "too_large")
    device = Device(moved, "desa-7", broker.port)
    with Collector(broker.port, "desa-7", stored) as collector:
        async with running(device):
            device.measure(3, boot="boot-b")
            await until(lambda: device.depth == 0)
            await until(lambda: moved.dropped() == [])
    found = {(one.header.spool, seq) for one in collector.envelopes for seq in one.seqs}
    assert found == {(first.spool_id, seq) for seq in (1, 3, 4, 5)} | {
        (moved.spool_id, seq) for seq in (1, 2, 3)
    }
    told = [
        (entry.spool or one.header.spool, entry.first_seq)
        for one in collector.envelopes
        for entry in one.header.dropped
    ]
    assert set(told) == {(first.spool_id, 2)}
    assert moved.state().stored_count == 7
    moved.close()


def test_a_card_that_comes_back_numbers_anew_once_more(tmp_path):
    """The other machine may have used the old id meanwhile, if what came back is a copy."""
    path = tmp_path / "spool.db"
    ids = set()
    for marks in (HERE, THERE, HERE):
        spool = filled(path, marks, 1)
        ids.add(spool.spool_id)
        spool.close()
    assert len(ids) == 3
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT count(*) FROM era").fetchone() == (3,)
