"""The line that a technician types or pastes: nothing gets lost in it, and a slip of the pen is noticed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pantau_wire import enrolment
from pantau_wire.enrolment import Invitation
from pantau_wire.errors import InvalidTopicError, InvitationError

INVITATION = Invitation(
    "https://portal.klaten.example.id:8443", "Klaten-jomboran_1.a", enrolment.new_token(), bytes(range(32))
)
LINE = enrolment.to_line(INVITATION)
HOSTS = st.from_regex(r"[a-z][a-z0-9-]{0,20}(\.[a-z0-9]{1,10}){0,3}", fullmatch=True)
DEVICES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True)


@given(HOSTS | st.just("[2001:db8::1]"), st.integers(1, 65_535), DEVICES, st.binary(min_size=32, max_size=32))
def test_what_is_written_is_read(host: str, port: int, device: str, fingerprint: bytes) -> None:
    invitation = Invitation(f"https://{host}:{port}", device, enrolment.new_token(), fingerprint)
    try:
        line = enrolment.to_line(invitation)
    except InvalidTopicError:  # a reserved id
        return
    assert line.isascii()
    assert " " not in line
    assert enrolment.from_line(line) == invitation


@given(st.integers(0, len(LINE) - 1), st.sampled_from("abcdefghijklmnopqrstuvwxyzABCXYZ0123456789/#:. "))
def test_any_one_wrong_letter_is_noticed(place: int, letter: str) -> None:
    wrong = LINE[:place] + letter + LINE[place + 1 :]
    if wrong == LINE:
        return
    with pytest.raises(InvitationError) as caught:
        enrolment.from_line(wrong)
    assert caught.value.fault in ("mistyped", "malformed")
    assert INVITATION.token not in str(caught.value)


@pytest.mark.parametrize(
    "broken", [f"  {LINE}\n", f"{LINE[:50]}\n  {LINE[50:]}", f"{LINE[:70]}\r\n{LINE[70:]}"]
)
def test_a_line_that_was_broken_in_two_is_the_same(broken: str) -> None:
    assert enrolment.from_line(broken) == INVITATION


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "hello",
        LINE[:-5],
        LINE.replace("https", "http"),
        f"{LINE}/x",
        LINE.replace("#", "/"),
        "a" * 5000,
    ],
)
def test_what_is_no_line_is_said(text: str) -> None:
    with pytest.raises(InvitationError) as caught:
        enrolment.from_line(text)
    assert caught.value.fault == "malformed"


@pytest.mark.parametrize(
    "url", ["http://a.id", "https://", "https://a.id/path", "https://user@a.id", "https://a.id:x", "portal"]
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(InvitationError, match="is not a portal's address"):
        enrolment.check_url(url)


def test_a_browser_sends_the_token_nowhere() -> None:
    """Everything behind the # stays with whoever opens the line by mistake (RFC 3986, section 3.5)."""
    assert LINE.partition("#")[0] == f"{INVITATION.url}/"


def test_no_two_tokens_are_alike() -> None:
    assert len({enrolment.new_token() for _ in range(1000)}) == 1000


def test_a_problem_of_a_newer_portal_has_no_fault_that_we_know() -> None:
    assert enrolment.Problem(enrolment.PROBLEM_PREFIX + "used").fault == "used"
    assert enrolment.Problem(enrolment.PROBLEM_PREFIX + "moonphase").fault is None
    assert enrolment.Problem().fault is None
