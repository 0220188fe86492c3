"""From a contact's settings, which are Grafana's, to the service that sends: one of Apprise's.

Each service is imported for itself (10 MiB): Apprise's own way to find one loads all of them (34 MiB).
"""

from __future__ import annotations

import importlib
import logging
import os
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from pantau_collector.errors import ContactsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from apprise.asset import AppriseAsset
    from apprise.plugins.base import NotifyBase

    from pantau_collector.config import SmtpConfig
    from pantau_collector.contacts import Contact
    from pantau_collector.notification.notices import Severity, Text

    _Make = Callable[[Mapping[str, Any], SmtpConfig | None], NotifyBase]

_VARIABLE = re.compile(r"\$\{?(\w+)\}?")
_KINDS: dict[Severity, str] = {"info": "info", "page": "failure", "ended": "success"}
_SHORTEST_SECRET = 6
_logger = logging.getLogger("apprise")


class Service:
    """Sends to one contact."""

    def __init__(self, name: str, contact: Contact, smtp: SmtpConfig | None) -> None:
        """Make ready, sending nothing; raises `ContactsError` where settings are missing or wrong."""
        settings = {key: _filled(name, value) for key, value in contact.settings.items()}
        self._secrets = sorted(_secrets(settings, smtp), key=len, reverse=True)
        with _words() as words:
            try:
                self._sender = _SERVICES[contact.type](settings, smtp)
            except KeyError as error:
                raise ContactsError(f"contact.{name}.settings lacks {error.args[0]}") from None
            except (TypeError, ValueError) as error:
                reason = self._without_secrets(" ".join(words) or str(error))
                raise ContactsError(f"contact.{name} ({contact.type}): {reason}") from None

    def send(self, text: Text, severity: Severity) -> str | None:
        """Send a message; return None, or why it failed, without any secret. Blocks."""
        with _words() as words:
            sent = self._sender.notify(
                body=text.body, title=text.title, notify_type=_KINDS[severity], body_format="text"
            )
        return None if sent else self._without_secrets(" ".join(words)) or "the service did not take it"

    def _without_secrets(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "…")
        return " ".join(text.split())[:300]


class _words(logging.Handler):  # noqa: N801 - a context, as `with _words() as words`
    """Keeps what Apprise logs to itself: it goes through no handler of ours before secrets are taken out."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())

    def __enter__(self) -> list[str]:
        _logger.propagate = False
        _logger.addHandler(self)
        return self.texts

    def __exit__(self, *_: object) -> None:
        _logger.removeHandler(self)


def _filled(contact: str, value: Any) -> Any:
    """Return a setting with the environment variables that it names."""
    if not isinstance(value, str):
        return value

    def of_environment(found: re.Match[str]) -> str:
        if found[1] not in os.environ:
            raise ContactsError(
                f"contact.{contact} names the environment variable {found[1]}, which is not set"
            )
        return os.environ[found[1]]

    return _VARIABLE.sub(of_environment, value)


def _secrets(settings: Mapping[str, Any], smtp: SmtpConfig | None) -> Iterator[str]:
    for value in settings.values():
        if isinstance(value, str):
            yield from (part for part in (value, *value.split(":"), *value.split("/")) if _is_secret(part))
    if smtp is not None and smtp.password is not None:
        yield smtp.password.get_secret_value()


def _is_secret(part: str) -> bool:
    return len(part) >= _SHORTEST_SECRET and any(character.isdigit() for character in part)


def _webhook(settings: Mapping[str, Any], _smtp: SmtpConfig | None) -> NotifyBase:
    from apprise.plugins.custom_json import NotifyJSON  # noqa: PLC0415

    url = urlsplit(settings["url"])
    if url.scheme not in ("http", "https") or not url.hostname:
        raise ValueError("url must be like https://example.id/hook")
    headers = {}
    if "authorization_credentials" in settings:
        scheme = settings.get("authorization_scheme", "Bearer")
        headers["Authorization"] = f"{scheme} {settings['authorization_credentials']}"
    return NotifyJSON(
        asset=_asset(),
        secure=url.scheme == "https",
        host=url.hostname,
        port=url.port,
        fullpath=unquote(url.path) or "/",
        params=dict(parse_qsl(url.query)),
        user=settings.get("username") or None,
        password=settings.get("password") or None,
        method=settings.get("httpMethod", "POST"),
        headers=headers,
    )


def _email(settings: Mapping[str, Any], smtp: SmtpConfig | None) -> NotifyBase:
    from apprise.plugins.email.base import NotifyEmail  # noqa: PLC0415

    targets = [one for one in re.split(r"[;,\s]+", settings["addresses"]) if one]
    if not targets:
        raise ValueError("addresses is empty")
    if smtp is None:
        raise ValueError("e-mail needs the section notification.smtp: the mail server and the sender")
    return NotifyEmail(
        asset=_asset(),
        secure=smtp.security != "none",
        secure_mode={"starttls": "starttls", "tls": "ssl", "none": "insecure"}[smtp.security],
        host=smtp.host,
        smtp_host=smtp.host,
        port=smtp.port,
        user=smtp.username,
        password=smtp.password.get_secret_value() if smtp.password else None,
        from_addr=smtp.sender,
        targets=targets,
        format="text",
    )


def _telegram(settings: Mapping[str, Any], _smtp: SmtpConfig | None) -> NotifyBase:
    from apprise.plugins.telegram import NotifyTelegram  # noqa: PLC0415

    return NotifyTelegram(
        asset=_asset(),
        bot_token=settings["bottoken"],
        targets=[str(settings["chatid"])],
        detect_owner=False,
        format="text",
    )


def _chat(module: str, service: str) -> _Make:
    """Return what makes a chat's service from the address that the chat itself gives out."""

    def make(settings: Mapping[str, Any], _smtp: SmtpConfig | None) -> NotifyBase:
        found = getattr(importlib.import_module(f"apprise.plugins.{module}"), service)
        parts = found.parse_native_url(settings["url"])
        if parts is None:
            raise ValueError("url is none that this service gives out")
        return found(asset=_asset(), **parts)  # type: ignore[no-any-return]

    return make


def _asset() -> AppriseAsset:
    from apprise.asset import AppriseAsset  # noqa: PLC0415

    return AppriseAsset(app_id="Pantau", app_desc="Pantau", storage_mode="memory")


_SERVICES: dict[str, _Make] = {
    "discord": _chat("discord", "NotifyDiscord"),
    "email": _email,
    "googlechat": _chat("google_chat", "NotifyGoogleChat"),
    "slack": _chat("slack", "NotifySlack"),
    "teams": _chat("workflows", "NotifyWorkflows"),
    "telegram": _telegram,
    "webhook": _webhook,
}
