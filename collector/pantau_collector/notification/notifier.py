"""Takes notices and sends them, in a thread of its own: what waits on a network keeps nobody else waiting."""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from collections import defaultdict
from typing import TYPE_CHECKING

import structlog

from pantau_collector import contacts
from pantau_collector.notification.notices import message
from pantau_collector.notification.outbox import Outbox, Pace, Waiting
from pantau_collector.notification.services import Service

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pantau_collector.config import CollectorConfig, NotificationConfig
    from pantau_collector.notification.notices import Notice

log = structlog.get_logger()

_LOOK_S = 5.0
_FIRST_RETRY_S, _LONGEST_RETRY_S = 30.0, 3600.0
_PATIENCE_S = 20.0


def open_notifier(config: CollectorConfig) -> Notifier | None:
    """Return what sends, or None where no contacts are configured; raises `ContactsError` and `OSError`."""
    settings = config.notification
    if settings.contacts is None:
        return None
    outbox = settings.outbox or config.store.dead_letters_path.parent / "notifications.db"
    try:
        return Notifier(settings, settings.contacts, outbox)
    except sqlite3.Error as error:
        raise OSError(f"{outbox}: {error}") from error


class Notifier:
    """Sends to the contacts of a file what they are to hear."""

    def __init__(
        self, config: NotificationConfig, path: Path, outbox: Path, clock: Callable[[], float] = time.time
    ) -> None:
        """Read the contacts and make every service ready; raises `ContactsError` and `sqlite3.Error`."""
        self._config, self._clock = config, clock
        self._contacts = contacts.read(path)
        self._services = {
            name: Service(name, contact, config.smtp) for name, contact in self._contacts.contact.items()
        }
        self._outbox = Outbox(outbox)
        self._stop = threading.Event()
        self._failing: set[str] = set()
        self._thread = threading.Thread(target=self._run, name="notification", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def take(self, notices: Sequence[Notice]) -> None:
        """Keep notices for whom they concern, durably; raises `OSError`."""
        of_contacts: dict[str, list[Waiting]] = defaultdict(list)
        for one in notices:
            if self._config.least == "page" and not (one.urgent or one.severity == "page"):
                continue
            name = self._contacts.of(one.regency)
            text = one.texts[self._contacts.contact[name].language]
            if self._config.portal_url is not None:
                link = self._config.portal_url.rstrip("/") + one.page
                text = text._replace(body=f"{text.body}\n{link}")
            of_contacts[name].append(Waiting(one.key, one.severity, text))
        try:
            for name, some in of_contacts.items():
                self._outbox.put(name, some, self._clock())
        except sqlite3.Error as error:
            raise OSError(f"the outbox of notifications: {error}") from error

    def send_due(self) -> None:
        """Send what is due now."""
        now_s = self._clock()
        if given_up := self._outbox.drop_old(now_s):
            log.error("notification.given_up", notices_count=given_up)
        for name in self._outbox.contacts():
            waiting = self._outbox.waiting(name)
            if name not in self._services:
                self._outbox.sent(name, [one.key for one in waiting], now_s)
            elif waiting and now_s >= self._due_s(self._outbox.pace(name), waiting):
                self._send(name, waiting)

    def close(self) -> None:
        """End; what waits is sent next time."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(_PATIENCE_S)
        self._outbox.close()

    def _due_s(self, pace: Pace, waiting: Sequence[Waiting]) -> float:
        urgent = any(one.severity == "page" for one in waiting)
        pause_s = self._config.page_every_s if urgent else self._config.every_s
        return max(pace.sent_s + pause_s, pace.retry_s)

    def _send(self, name: str, waiting: Sequence[Waiting]) -> None:
        language = self._contacts.contact[name].language
        text = message([(one.severity, one.text) for one in waiting], language)
        severities = {one.severity for one in waiting}
        reason = self._services[name].send(
            text, next(severity for severity in ("page", "info", "ended") if severity in severities)
        )
        if reason is None:
            self._outbox.sent(name, [one.key for one in waiting], self._clock())
        else:
            self._put_off(name)
        self._changed(name, reason)

    def _put_off(self, name: str) -> None:
        """Try again later and later, never all at once."""
        pace = self._outbox.pace(name)
        longest_s = min(_FIRST_RETRY_S * 2**pace.failures, _LONGEST_RETRY_S)
        retry_s = self._clock() + longest_s * random.uniform(0.5, 1)  # noqa: S311 - no secret
        self._outbox.failed(name, Pace(pace.sent_s, min(pace.failures + 1, 20), retry_s))

    def _changed(self, name: str, reason: str | None) -> None:
        """Log the transition, not each attempt."""
        if reason is not None and name not in self._failing:
            log.error("notification.failed", contact=name, reason=reason)
            self._failing.add(name)
        elif reason is None and name in self._failing:
            log.info("notification.recovered", contact=name)
            self._failing.discard(name)

    def _run(self) -> None:
        while not self._stop.wait(_LOOK_S):
            try:
                self.send_due()
            except sqlite3.Error as error:
                log.error("notification.outbox_unusable", reason=str(error))  # noqa: TRY400 - the reason says all
