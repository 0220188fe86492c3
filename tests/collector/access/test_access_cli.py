"""`pantau-collector access` as it is typed: what it prints, and where secrets go and do not go."""

from __future__ import annotations

import io
import json
import stat
from typing import TYPE_CHECKING, NamedTuple

import pytest

from pantau_collector.access import people, tokens
from pantau_collector.access.book import Book
from pantau_collector.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PASSWORD = "tujuh sawah di tepi kali"


class Said(NamedTuple):
    """What a command answered."""

    code: int
    out: str
    err: str


class Terminal(io.StringIO):
    """Standard input with a person before it."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "access.db"


@pytest.fixture
def run(
    tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Said]:
    config = tmp_path / "collector.toml"
    config.write_text(f'[web]\naccess_path = "{path}"\n')
    monkeypatch.setenv("LANGUAGE", "en")
    monkeypatch.setenv("SUDO_USER", "ani")

    def command(*words: str, typed: str = "", stdin: io.StringIO | None = None) -> Said:
        monkeypatch.setattr("sys.stdin", stdin or io.StringIO(typed))
        code = main(["--config", str(config), "access", *words])
        return Said(code, *capsys.readouterr())

    return command


def test_a_token_is_printed_once_and_alone(run: Callable[..., Said], path: Path):
    """Standard output is the token and nothing else, for scripts; it works, and no list shows it again."""
    said = run("token", "add", "dashboard", "--scope", "read", "--days", "30")
    token = said.out.strip()
    assert (said.code, said.out) == (0, f"{token}\n")
    assert "This token is shown only now" in said.err
    assert tokens.viewer(Book(path), token, tokens.every(Book(path))[0].created_at) is not None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for words in (["token", "list"], ["token", "list", "--json"], ["journal"]):
        listed = run(*words)
        assert "dashboard" in listed.out
        assert token.split("_", 2)[2] not in listed.out + listed.err


def test_lists_are_json_lines_on_request(run: Callable[..., Said]):
    """A program reads what there is; instants carry their zone, what is not there is null."""
    run("token", "add", "dashboard", "--scope", "admin")
    run("token", "revoke", "dashboard")
    token = json.loads(run("token", "list", "--json").out)
    assert (token["name"], token["scope"], token["last_used_at"]) == ("dashboard", "admin", None)
    assert token["revoked_at"].endswith("+00:00")
    entries = [json.loads(line) for line in run("journal", "--json").out.splitlines()]
    assert [(one["who"], one["action"]) for one in entries] == [
        ("ani", "token_added"),
        ("ani", "token_revoked"),
    ]


def test_a_person_comes_and_goes(run: Callable[..., Said], path: Path):
    """The password comes from standard input; an account can be changed, listed and removed."""
    assert run("person", "add", "siti", "--scope", "read", typed=f"{PASSWORD}\n").code == 0
    assert people.password_is(Book(path), "siti", PASSWORD)
    assert run("person", "passwd", "siti", typed=f"{PASSWORD} baru\n").code == 0
    assert people.password_is(Book(path), "siti", f"{PASSWORD} baru")
    assert run("person", "list").out.split("\t")[:2] == ["siti", "read"]
    assert run("person", "remove", "siti") == Said(0, "", "siti cannot log in any more\n")
    assert run("person", "list") == Said(0, "", "there are none\n")


def test_no_option_takes_a_password(run: Callable[..., Said], capsys: pytest.CaptureFixture[str]):
    """A password in the arguments would stand in the list of processes: there is no place for it."""
    with pytest.raises(SystemExit):
        run("person", "add", "siti", "--scope", "read", "--password", PASSWORD)
    with pytest.raises(SystemExit):
        run("person", "add", "siti", PASSWORD, "--scope", "read")
    capsys.readouterr()


def test_a_password_is_typed_twice_at_a_terminal(run: Callable[..., Said], monkeypatch: pytest.MonkeyPatch):
    """At a terminal the password is not shown, and two different ones are refused."""
    answers = iter([PASSWORD, PASSWORD + "x", PASSWORD, PASSWORD])
    monkeypatch.setattr("getpass.getpass", lambda _prompt: next(answers))
    words = ("person", "add", "siti", "--scope", "read")
    assert run(*words, stdin=Terminal()).err == "the two passwords differ\n"
    assert run(*words, stdin=Terminal()).code == 0


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["token", "add", "a", "--scope", "read", "--days", "0"], "--days must lie between 1 and 3650"),
        (["token", "revoke", "a"], "there is no token a"),
        (["token", "add", "A B", "--scope", "read"], "'A B' is no name"),
        (["person", "add", "siti", "--scope", "read"], "a password has 12 to 256 characters"),
        (["person", "remove", "siti"], "there is no person siti"),
    ],
)
def test_what_cannot_be_done_is_said_in_both_languages(run: Callable[..., Said], words: list[str], text: str):
    """A mistake ends with exit code 1 and one line, without a stack trace, in the reader's language."""
    said = run(*words)
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith(text)
    indonesian = run(*words, "--lang", "id")
    assert (indonesian.code, indonesian.err.count("\n")) == (1, 1)
    assert indonesian.err != said.err
