"""Tokens, people and sessions in their file: what opens the door, and what is left on the disk."""

from __future__ import annotations

import contextlib
import stat
import statistics
import time
from typing import TYPE_CHECKING

import pytest

from pantau_collector.access import passwords, people, sessions, tokens
from pantau_collector.access.book import Book
from pantau_collector.access.sessions import Limits
from pantau_collector.errors import AccessError

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_795_325_400
DAY = 86_400
LIMITS = Limits(idle_s=600, max_s=3600)
PASSWORD = "tujuh sawah di tepi kali"


def token(book: Book, name: str = "dashboard", *, ends_at: int = NOW + DAY) -> str:
    return tokens.add(book, name, "read", ends_at=ends_at, who="root", now=NOW)


@pytest.fixture
def person(book: Book) -> str:
    people.add(book, "siti", "admin", PASSWORD, who="root", now=NOW)
    return "siti"


def test_a_token_opens_the_door_until_it_ends(book: Book):
    """A token is valid to the second of its end, and no longer."""
    made = token(book)
    viewer = tokens.viewer(book, made, NOW + DAY - 1)
    assert viewer is not None
    assert (viewer.kind, viewer.name, viewer.scope) == ("token", "dashboard", "read")
    assert tokens.viewer(book, made, NOW + DAY) is None


def test_a_revoked_token_opens_nothing_at_once(book: Book):
    """Revoking by name or by id works, and only once."""
    made, other = token(book), token(book, "other")
    tokens.revoke(book, "dashboard", who="root", now=NOW + 1)
    tokens.revoke(book, tokens.every(book)[1].id, who="root", now=NOW + 1)
    assert [tokens.viewer(book, text, NOW + 2) for text in (made, other)] == [None, None]
    with pytest.raises(AccessError, match="there is no token dashboard"):
        tokens.revoke(book, "dashboard", who="root", now=NOW + 3)


def test_almost_a_token_opens_nothing(book: Book):
    """Every part of a token counts: its id, each character of its secret, and that there is a secret."""
    made = token(book)
    name = tokens.every(book)[0].id
    swapped = made[:-1] + ("A" if made[-1] != "A" else "B")
    for text in (
        swapped,
        made[:-1],
        made + "A",
        f"pantau_{name}_",
        f"pantau_{name}",
        "pantau_",
        "",
        "\ud800",
    ):
        assert tokens.viewer(book, text, NOW) is None
    assert tokens.viewer(book, made, NOW) is not None


def test_tokens_are_random_and_their_names_are_free_again_once_revoked(book: Book):
    """Two tokens have nothing in common; a name is taken while its token is valid."""
    first = token(book)
    with pytest.raises(AccessError, match="there is a token dashboard already: revoke it first"):
        token(book)
    tokens.revoke(book, "dashboard", who="root", now=NOW)
    second = token(book)
    assert len({first, second}) == 2
    assert len(first.rpartition("_")[0]) > 0
    assert tokens.viewer(book, first, NOW) is None
    assert tokens.viewer(book, second, NOW) is not None


def test_the_last_use_of_a_token_is_kept_to_the_minute(book: Book):
    """A token that nobody uses any more can be told."""
    made = token(book)
    for at in (NOW + 100, NOW + 130, NOW + 161):
        tokens.viewer(book, made, at)
    assert tokens.every(book)[0].last_used_at == NOW + 161


def test_a_password_is_believed_and_others_are_not(book: Book, person: str):
    """The password opens, in any of Unicode's spellings; another one, or another name, does not."""
    assert people.password_is(book, person, PASSWORD)
    assert not people.password_is(book, person, PASSWORD + " ")
    assert not people.password_is(book, "budi", PASSWORD)
    people.change_password(book, person, "caf\u00e9 di bawah pohon", who="root", now=NOW)
    assert people.password_is(book, person, "cafe\u0301 di bawah pohon")
    assert not people.password_is(book, person, PASSWORD)


def test_nobody_learns_from_the_time_whether_a_name_exists(book: Book, person: str):
    """An unknown name takes as long as a wrong password: the same hash is computed."""

    def cpu_s(name: str) -> float:
        before = time.thread_time()
        people.password_is(book, name, "not the password")
        return time.thread_time() - before

    known, unknown = (statistics.median(cpu_s(name) for _ in range(5)) for name in (person, "nobody"))
    assert 0.5 < known / unknown < 2


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("short", "a password has 12 to 256 characters"),
        ("x" * 257, "a password has 12 to 256 characters"),
        ("aaaaaaaaaaaaaaa", "this password is guessed easily"),
        ("siti-the-admin", "this password is guessed easily"),
    ],
)
def test_weak_passwords_are_refused(book: Book, password: str, reason: str):
    """What is guessed first makes no account."""
    with pytest.raises(AccessError, match=reason):
        people.add(book, "siti", "read", password, who="root", now=NOW)
    assert not book.in_use()


@pytest.mark.parametrize("name", ["", "Siti", "a b", "a/b", "-a", "x" * 65, "sit\u0456"])
def test_names_that_could_be_mistaken_are_refused(book: Book, name: str):
    """Names are small ASCII: no look-alikes, nothing that needs quoting."""
    with pytest.raises(AccessError, match="is no name"):
        people.add(book, name, "read", PASSWORD, who="root", now=NOW)


def test_a_session_ends_when_unused_and_after_its_longest_time(book: Book, person: str):
    """Use keeps a session for the idle limit more, but never beyond the absolute one."""
    cookie = sessions.start(book, person, LIMITS, now=NOW)

    def alive(at: int, *, by_hand: bool = True) -> bool:
        return sessions.viewer(book, cookie, LIMITS, now=at, by_hand=by_hand) is not None

    assert all(alive(NOW + at) for at in range(0, 3600, 300))
    assert not alive(NOW + 3600)
    idle = sessions.start(book, person, LIMITS, now=NOW)
    assert sessions.viewer(book, idle, LIMITS, now=NOW + 599, by_hand=False)
    assert not sessions.viewer(book, idle, LIMITS, now=NOW + 600, by_hand=True)


def test_a_page_that_refreshes_itself_keeps_no_session_alive(book: Book, person: str):
    """Only what somebody does counts as use."""
    cookie = sessions.start(book, person, LIMITS, now=NOW)
    seen = [
        sessions.viewer(book, cookie, LIMITS, now=NOW + at, by_hand=False) is not None
        for at in range(0, 900, 60)
    ]
    assert seen == [True] * 10 + [False] * 5


def test_a_new_password_or_no_account_ends_every_session(book: Book, person: str):
    """Whoever stole a session loses it with the password, and with the account."""

    def started() -> str:
        return sessions.start(book, person, LIMITS, now=NOW)

    def alive(cookie: str) -> bool:
        return sessions.viewer(book, cookie, LIMITS, now=NOW, by_hand=True) is not None

    first = started()
    assert alive(first)
    people.change_password(book, person, PASSWORD + "!", who="root", now=NOW)
    second = started()
    assert [alive(first), alive(second)] == [False, True]
    people.end_sessions(book, person, who="root", now=NOW)
    third = started()
    assert [alive(second), alive(third)] == [False, True]
    people.remove(book, person, who="root", now=NOW)
    assert not alive(third)


def test_sessions_of_one_person_are_bounded(book: Book, person: str):
    """The oldest of more than 20 sessions ends."""
    cookies = [sessions.start(book, person, LIMITS, now=NOW) for _ in range(22)]
    alive = [sessions.viewer(book, one, LIMITS, now=NOW, by_hand=True) is not None for one in cookies]
    assert alive == [False] * 2 + [True] * 20
    assert people.every(book)[0].session_count == 20


def test_a_session_cookie_must_be_whole(book: Book, person: str):
    """The id of a session alone opens nothing."""
    cookie = sessions.start(book, person, LIMITS, now=NOW)
    for text in (cookie[:-1], cookie.partition("_")[0], cookie.partition("_")[0] + "_", "", "_"):
        assert sessions.viewer(book, text, LIMITS, now=NOW, by_hand=True) is None
        sessions.end(book, text, now=NOW)
    assert sessions.viewer(book, cookie, LIMITS, now=NOW, by_hand=True) is not None


def test_the_file_holds_no_secret_and_is_for_its_owner_alone(book: Book, person: str):
    """Token, cookie and password are nowhere in the file or beside it; nobody else may read any of it."""
    secrets = [token(book), sessions.start(book, person, LIMITS, now=NOW), PASSWORD]
    files = list(book.path.parent.iterdir())
    content = b"".join(file.read_bytes() for file in files)
    for secret in secrets:
        assert secret.encode() not in content
        assert (secret.removeprefix("pantau_").partition("_")[2] or secret).encode() not in content
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert b"scrypt$15$8$3$" in content


def test_a_file_that_others_could_read_is_closed(book: Book):
    """A copy that came back with a wide mode is made private when it is opened."""
    token(book)
    book.close()
    book.path.chmod(0o644)
    tokens.every(book)
    assert stat.S_IMODE(book.path.stat().st_mode) == 0o600


def test_the_journal_says_who_did_what(book: Book, person: str):
    """Deeds and logins are kept in order; what failed is not there."""
    token(book)
    with pytest.raises(AccessError):
        token(book)
    cookie = sessions.start(book, person, LIMITS, now=NOW + 5)
    sessions.end(book, cookie, now=NOW + 6)
    tokens.revoke(book, "dashboard", who=person, now=NOW + 7)
    told = [(entry.at - NOW, entry.who, entry.action, entry.subject) for entry in book.journal(10)[::-1]]
    assert told == [
        (0, "root", "person_added", "siti"),
        (0, "root", "token_added", "dashboard"),
        (5, "siti", "logged_in", "siti"),
        (6, "siti", "logged_out", "siti"),
        (7, "siti", "token_revoked", "dashboard"),
    ]
    assert [entry.action for entry in book.journal(1)] == ["token_revoked"]


def test_what_one_process_writes_the_other_sees(book: Book):
    """Portal and command line share the file, also when it appears, or is replaced, while the portal runs."""
    with contextlib.closing(Book(book.path)) as portal:
        assert (portal.exists(), portal.in_use()) == (False, False)
        made = token(book)
        assert portal.in_use()
        assert tokens.viewer(portal, made, NOW) is not None
        tokens.revoke(book, "dashboard", who="root", now=NOW)
        assert tokens.viewer(portal, made, NOW) is None
        book.close()
        book.path.unlink()
        assert not portal.in_use()
        again = token(book)
        assert tokens.viewer(portal, again, NOW) is not None


def test_removing_the_last_account_does_not_open_the_door(book: Book, person: str):
    """Once there was an account, the portal keeps asking."""
    people.remove(book, person, who="root", now=NOW)
    assert people.every(book) == []
    assert book.in_use()


def test_a_file_that_is_no_database_is_named(tmp_path: Path):
    """What cannot be read is an error that names the file, never an open door."""
    file = tmp_path / "access.db"
    file.write_text("this is no database, but long enough to be looked at by SQLite " * 20)
    with pytest.raises(AccessError, match=f"cannot use {file}: file is not a database"):
        Book(file).in_use()


def test_the_work_for_a_password_is_what_is_recommended():
    """Parameters stand in the hash, and meet OWASP's table for scrypt."""
    name, log2_n, r, p, _salt, _digest = passwords.hashed(PASSWORD).split("$")
    assert (name, log2_n, r, p) == ("scrypt", "15", "8", "3")
    assert passwords.hashed(PASSWORD) != passwords.hashed(PASSWORD)
