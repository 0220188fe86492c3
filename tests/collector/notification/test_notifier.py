"""Notices reach real servers: routed, joined, sent again when that failed, no secret in the log."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs
from tests.fakes import mail, webhook

from pantau_collector.cli import main
from pantau_collector.config import NotificationConfig, SmtpConfig
from pantau_collector.errors import ContactsError
from pantau_collector.notification.notices import Notice, Text
from pantau_collector.notification.notifier import Notifier

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOKEN = "123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw1"


class Clock:
    """A clock that is set."""

    now_s = 1_795_305_600.0

    def __call__(self) -> float:
        return self.now_s


def notice(
    number: int = 1, severity: str = "info", regency: str = "33.10", *, urgent: bool = False
) -> Notice:
    texts = {
        language: Text(f"{language} title {number}", f"{language} body {number}") for language in ("id", "en")
    }
    return Notice(f"surge {number} {severity}", regency, severity, texts, f"/surges/{number}", urgent)  # type: ignore[arg-type]


@contextmanager
def notifying(folder: Path, contacts: str, clock: Clock, **settings: object) -> Iterator[Notifier]:
    file = folder / "contacts.toml"
    file.write_text(contacts)
    config = NotificationConfig(contacts=file, **settings)  # type: ignore[arg-type]
    notifier = Notifier(config, file, folder / "notifications.db", clock)
    try:
        yield notifier
    finally:
        notifier.close()


def hook(url: str, name: str = "noc", language: str = "id") -> str:
    return f'[contact.{name}]\ntype = "webhook"\nlanguage = "{language}"\nsettings = {{ url = "{url}" }}\n'


def test_each_regency_has_its_contact_and_its_language(tmp_path: Path):
    """The file is the one that Grafana's contact points are made of; whom no route names gets the default."""
    clock = Clock()
    with webhook.listening() as noc, webhook.listening() as klaten:
        contacts = 'default = "noc"\n' + hook(noc.url) + hook(klaten.url, "klaten", "en")
        contacts += '[[route]]\nregencies = ["33.10"]\ncontact = "klaten"\n'
        with notifying(tmp_path, contacts, clock, portal_url="https://pantau.example.id/") as notifier:
            notifier.take([notice(1), notice(2, regency="73.71")])
            notifier.send_due()
        assert [(one["title"], one["message"]) for one in klaten.messages] == [
            ("en title 1", "en body 1\nhttps://pantau.example.id/surges/1")
        ]
        assert [one["title"] for one in noc.messages] == ["id title 2"]


def test_nothing_is_told_twice_and_nobody_is_flooded(tmp_path: Path):
    """The same key once, also after a restart; many in one message; people are called sooner than told."""
    clock = Clock()
    with webhook.listening() as noc:
        contacts = 'default = "noc"\n' + hook(noc.url)
        with notifying(tmp_path, contacts, clock) as notifier:
            notifier.take([notice(1), notice(1)])
            notifier.send_due()
            clock.now_s += 5
            notifier.take([notice(number) for number in range(1, 31)])
            notifier.send_due()
            assert len(noc.messages) == 1
        with notifying(tmp_path, contacts, clock) as notifier:
            notifier.take([notice(1)])
            clock.now_s += 60
            notifier.send_due()
            assert len(noc.messages) == 1
            notifier.take([notice(99, "page")])
            notifier.send_due()
            assert noc.messages[1]["title"] == "Pantau: 30 pesan, 1 di antaranya mendesak"
            assert noc.messages[1]["message"].startswith("id title 99")
            assert noc.messages[1]["message"].endswith("Dan 10 lagi.")
            clock.now_s += 4000
            notifier.send_due()
            assert len(noc.messages) == 2


def test_only_what_calls_for_people_where_that_is_wanted(tmp_path: Path):
    """And that it is over, of what they had been called for."""
    clock = Clock()
    with webhook.listening() as noc:
        with notifying(tmp_path, 'default = "noc"\n' + hook(noc.url), clock, least="page") as notifier:
            notifier.take([notice(1), notice(2, "ended"), notice(3, "page"), notice(4, "ended", urgent=True)])
            notifier.send_due()
        (message,) = noc.messages
        assert [f"title {number}" in message["message"] for number in (1, 2, 3, 4)] == [
            False,
            False,
            True,
            True,
        ]


def test_mail_waits_for_its_server(tmp_path: Path):
    """While the server refuses, everything waits, later and later; the log tells the transition only."""
    clock = Clock()
    with mail.listening(("pantau", "s3cret-Pa55")) as server:
        smtp = SmtpConfig(
            host="127.0.0.1",
            port=server.port,
            sender="pantau@example.id",
            security="none",
            username="pantau",
            password="s3cret-Pa55",  # type: ignore[arg-type]
        )
        contacts = 'default = "noc"\n[contact.noc]\ntype = "email"\n'
        contacts += 'settings = { addresses = "noc@example.id, b@example.id" }\n'
        with notifying(tmp_path, contacts, clock, smtp=smtp) as notifier, capture_logs() as logs:
            server.down = True
            notifier.take([notice(1)])
            for _ in range(40):
                notifier.send_due()
                clock.now_s += 10
            server.down = False
            clock.now_s += 3600
            notifier.send_due()
        assert {str(message["To"]) for message in server.messages} == {"noc@example.id", "b@example.id"}
        assert server.messages[0]["Subject"] == "id title 1"
        assert "id body 1" in server.messages[0].get_content()
        assert [log["event"] for log in logs] == ["notification.failed", "notification.recovered"]
        assert "s3cret" not in json.dumps(logs)


def test_what_is_a_day_old_is_no_news(tmp_path: Path):
    """It is given up, and counted."""
    clock = Clock()
    with notifying(tmp_path, 'default = "noc"\n' + hook("http://127.0.0.1:9/"), clock) as notifier:
        notifier.take([notice(1), notice(2)])
        with capture_logs() as logs:
            notifier.send_due()
            clock.now_s += 90_000
            notifier.send_due()
        assert [(log["event"], log.get("notices_count")) for log in logs] == [
            ("notification.failed", None),
            ("notification.given_up", 2),
        ]


def test_telegram_is_asked_as_its_api_wants(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Against a server that stands for the Bot API; the token stays out of the log when it refuses."""
    from apprise.plugins.telegram import NotifyTelegram  # noqa: PLC0415 - loads what only this test needs

    clock = Clock()
    monkeypatch.setenv("PANTAU_TEST_BOT", TOKEN)
    contacts = 'default = "noc"\n[contact.noc]\ntype = "telegram"\n'
    contacts += 'settings = { bottoken = "$PANTAU_TEST_BOT", chatid = "-100123" }\n'
    with webhook.listening() as api:
        monkeypatch.setattr(NotifyTelegram, "notify_url", f"{api.url}bot")
        with notifying(tmp_path, contacts, clock) as notifier:
            notifier.take([notice(1)])
            notifier.send_due()
        assert str(api.messages[0]["chat_id"]) == "-100123"
        assert "id body 1" in json.dumps(api.messages[0])
        monkeypatch.setattr(NotifyTelegram, "notify_url", "http://127.0.0.1:9/bot")
        with notifying(tmp_path, contacts, clock) as notifier, capture_logs() as logs:
            clock.now_s += 3600
            notifier.take([notice(2)])
            notifier.send_due()
        assert logs[0]["event"] == "notification.failed"
        assert TOKEN not in json.dumps(logs)
        assert TOKEN.split(":")[1] not in json.dumps(logs)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ('type = "webhook"\nsettings = {}', "contact.noc.settings lacks url"),
        (
            'type = "webhook"\nsettings = { url = "noc.example.id" }',
            "url must be like https://example.id/hook",
        ),
        (
            'type = "telegram"\nsettings = { bottoken = "$PANTAU_NOT_SET", chatid = "1" }',
            "PANTAU_NOT_SET, which is not set",
        ),
        ('type = "telegram"\nsettings = { bottoken = "nonsense", chatid = "1" }', "contact.noc .telegram."),
        (
            'type = "slack"\nsettings = { url = "https://example.id/" }',
            "url is none that this service gives out",
        ),
        (
            'type = "email"\nsettings = { addresses = "noc@example.id" }',
            "e-mail needs the section notification.smtp",
        ),
        ('type = "pigeon"\nsettings = {}', "use one of discord, email"),
    ],
)
def test_a_contact_that_cannot_be_used_is_named(tmp_path: Path, settings: str, complaint: str):
    """Before anything is sent."""
    with (
        pytest.raises(ContactsError, match=complaint),
        notifying(tmp_path, f'default = "noc"\n[contact.noc]\n{settings}\n', Clock()),
    ):
        pass


def test_an_operator_tries_it_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """One command sends a message to every contact and says what became of it."""
    with webhook.listening() as noc:
        file, config = tmp_path / "contacts.toml", tmp_path / "collector.toml"
        file.write_text('default = "noc"\n' + hook(noc.url) + hook("http://127.0.0.1:9/", "dead"))
        config.write_text(f'[notification]\ncontacts = "{file}"\n')
        assert main(["--config", str(config), "notify"]) == 1
        out = capsys.readouterr().out
        assert "noc: sent" in out
        assert "dead: " in out
        assert main(["--config", str(config), "notify", "noc"]) == 0
        assert [one["title"] for one in noc.messages] == ["Pantau: pesan uji"] * 2
        assert main(["--config", str(config), "notify", "nobody"]) == 2
