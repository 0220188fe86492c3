"""Slots are counted per test: what one client does in one sitting."""

import pytest
import structlog
from structlog.testing import capture_logs

from pantau_testpoint.errors import RequestError, TooManyStreamsError, TooManyTestsError
from pantau_testpoint.speed.admission import Admission, identify


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def admission(clock: Clock, *, max_tests: int = 2, max_streams: int = 3) -> Admission:
    log = structlog.get_logger()
    return Admission(max_tests=max_tests, max_streams=max_streams, grace_s=2.0, clock=clock, log=log)


def test_streams_of_one_test_take_one_slot(clock: Clock) -> None:
    slots = admission(clock)
    for _ in range(3):
        slots.admit("a")
    assert slots.numbers()["active_tests"] == 1
    assert slots.numbers()["active_streams"] == 3


def test_a_test_beyond_the_slots_is_refused_until_one_is_free(clock: Clock) -> None:
    slots = admission(clock)
    stream = slots.admit("a")
    slots.admit("b")
    with pytest.raises(TooManyTestsError):
        slots.admit("c")
    stream.release()
    clock.now += 2.0
    slots.admit("c")


def test_a_slot_is_kept_between_the_phases_of_a_test(clock: Clock) -> None:
    slots = admission(clock, max_tests=1)
    slots.admit("a").release()
    clock.now += 1.9
    with pytest.raises(TooManyTestsError):
        slots.admit("b")
    slots.admit("a").release()
    clock.now += 1.9
    assert slots.numbers()["active_tests"] == 1
    clock.now += 0.1
    assert slots.numbers()["active_tests"] == 0


def test_a_test_has_a_bounded_number_of_streams(clock: Clock) -> None:
    slots = admission(clock)
    streams = [slots.admit("a") for _ in range(3)]
    with pytest.raises(TooManyStreamsError):
        slots.admit("a")
    streams[0].release()
    slots.admit("a")


def test_a_stream_gives_its_place_back_only_once(clock: Clock) -> None:
    slots = admission(clock)
    first = slots.admit("a")
    slots.admit("a")
    first.release()
    first.release()
    assert slots.numbers()["active_streams"] == 1


def test_being_full_is_logged_when_it_begins_and_when_it_ends(clock: Clock) -> None:
    with capture_logs() as logs:
        slots = admission(clock, max_tests=1)
        stream = slots.admit("a")
        for _ in range(5):
            with pytest.raises(TooManyTestsError):
                slots.admit("b")
        stream.release()
        clock.now += 2.0
        slots.admit("b")
    assert [(entry["event"], entry.get("seen_count")) for entry in logs] == [
        ("admission.full", None),
        ("admission.free", 5),
    ]


def test_a_test_is_known_by_its_header_else_by_its_address() -> None:
    assert identify(None, "192.0.2.1") == "address:192.0.2.1"
    assert identify(b"kios-7_A", "192.0.2.1") == "id:kios-7_A"
    assert identify(b"192", "192.0.2.1") != identify(None, "192")


@pytest.mark.parametrize("header", [b"", b"a b", b"x" * 65, "désa".encode(), b"a\n"])
def test_a_header_outside_its_alphabet_or_length_is_refused(header: bytes) -> None:
    with pytest.raises(RequestError, match="1 to 64 characters"):
        identify(header, "192.0.2.1")
