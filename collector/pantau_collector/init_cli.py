"""`pantau-collector init`: prepares the InfluxDB of the configuration, and makes logins for who uses it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from pantau_collector import i18n, wholefile
from pantau_collector.config import load
from pantau_collector.errors import ConfigError
from pantau_collector.i18n import marked as _

if TYPE_CHECKING:
    import argparse

    from pantau_collector.config import InfluxConfig
    from pantau_collector.storage.influx.setup.desk import Admin, Desk, Item, State, What

NOTHING = _("the embedded store (SQLite) needs no preparation")
SERVER = _("InfluxDB {version} at {url}")
CHECKED = _("{count} thing(s) would be changed; nothing was done")
DONE = _("{count} thing(s) changed")
READY = _("everything is there")
KEPT = _("What is kept longer than configured stays: shorter would delete data now. To do so: --shorten")
SHOWN_ONCE = _("These secrets are shown only now:")
WRITTEN = _("{path} is for {role}, readable by its owner only")
WHAT: dict[What, str] = {
    "admin": _("administrator"),
    "organization": _("organisation"),
    "bucket": _("bucket"),
    "database": _("database"),
    "mapping": _("DBRP mapping"),
    "token": _("token"),
    "user": _("user"),
}
STATE: dict[State, str] = {
    "there": _("is there"),
    "missing": _("is missing"),
    "made": _("made"),
    "differs": _("differs"),
    "changed": _("changed"),
    "kept": _("differs, and stays"),
}

_VARIABLE = "PANTAU_INIT_{}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument(
        "--check", action="store_true", help="change nothing; exit code 1 if anything would be"
    )
    parser.add_argument("--setup", action="store_true", help="make the administrator of a fresh server first")
    parser.add_argument("--admin", metavar="NAME", help="log in under this name")
    parser.add_argument(
        "--password-file",
        type=Path,
        metavar="FILE",
        help="its password (or the variable PANTAU_INIT_PASSWORD)",
    )
    parser.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="an administrator's token (or the variable PANTAU_INIT_TOKEN)",
    )
    parser.add_argument(
        "--secrets",
        type=Path,
        metavar="FOLDER",
        help="write new logins to collector.env and grafana.env (mode 0600) instead of printing them",
    )
    parser.add_argument(
        "--new-secrets", action="store_true", help="replace the logins of collector and Grafana"
    )
    parser.add_argument("--shorten", action="store_true", help="keep data shorter where it is kept too long")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    parser.add_argument("--lang", choices=i18n.LANGUAGES, help="language of the messages")
    parser.set_defaults(function=run)


def run(arguments: argparse.Namespace) -> int:
    """Prepare the server; return 0, or 1 where a check finds that something would be changed."""
    language = i18n.known(arguments.lang) or i18n.of_terminal()
    store = load(arguments.config).store
    if store.kind != "influxdb":
        sys.stdout.write(_say(language, NOTHING))
        return 0
    from pantau_collector.storage.influx.setup.desk import Desk  # noqa: PLC0415 - other commands start faster
    from pantau_collector.storage.influx.setup.preparing import prepare  # noqa: PLC0415

    folder: Path | None = arguments.secrets
    if folder and not arguments.check:
        _make_private(folder)
    desk = Desk(arguments.check, shorten=arguments.shorten, new_secrets=arguments.new_secrets)
    try:
        version = prepare(store.influxdb, _admin(arguments, store.influxdb), desk, first=arguments.setup)
    finally:  # what was made must be known, whatever came after it
        written = _write_secrets(desk, folder) if folder else {}
        if not arguments.json and not folder:
            _print_secrets(desk, language)
    shown = f"{version.major}.{version.minor}"
    if arguments.json:
        _print_json(desk, shown, written)
    else:
        _print(desk, store.influxdb.url, shown, written, language)
    return 1 if desk.check and desk.changes else 0


def _admin(arguments: argparse.Namespace, config: InfluxConfig) -> Admin:
    """Return who changes the server: as the arguments say, else whom the configuration logs in as."""
    from pantau_collector.storage.influx.setup.desk import Admin  # noqa: PLC0415

    token = _secret(arguments.token_file, "TOKEN")
    password = _secret(arguments.password_file, "PASSWORD")
    if arguments.admin and not password:
        raise ConfigError("--admin needs a password: give --password-file, or set PANTAU_INIT_PASSWORD")
    if arguments.admin:
        return Admin(username=arguments.admin, password=password)
    if token:
        return Admin(token=token)
    return Admin(
        token=config.token.get_secret_value() if config.token else None,
        username=config.username,
        password=config.password.get_secret_value() if config.password else None,
    )


def _secret(file: Path | None, name: str) -> str | None:
    if file is None:
        return os.environ.get(_VARIABLE.format(name))
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {file}: {error}") from None


def _make_private(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot write secrets to {folder}: {error.strerror}") from None


def _write_secrets(desk: Desk, folder: Path) -> dict[str, str]:
    """Write a file of settings for each role that got a login; return their paths by role."""
    written: dict[str, str] = {}
    for role, settings in desk.secrets.items():
        path = folder / f"{role}.env"
        lines = "".join(f"{name}={value}\n" for name, value in settings.items())
        try:
            wholefile.replace(path, lines.encode(), 0o600)
        except OSError as error:
            raise ConfigError(
                f"cannot write {path}: {error.strerror}; give another folder, and --new-secrets"
            ) from None
        written[role] = str(path)
    return written


def _print_secrets(desk: Desk, language: i18n.Language) -> None:
    if not desk.secrets:
        return
    lines = [f"{name}={value}\n" for settings in desk.secrets.values() for name, value in settings.items()]
    sys.stdout.write(_say(language, SHOWN_ONCE) + "".join(lines))


def _print_json(desk: Desk, version: str, written: dict[str, str]) -> None:
    outcome = {
        "server": version,
        "check": desk.check,
        "changes": desk.changes,
        "items": desk.items,
        "secrets": written or desk.secrets,
    }
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(outcome), indent=2).decode() + "\n")


def _print(desk: Desk, url: str, version: str, written: dict[str, str], language: i18n.Language) -> None:
    lines = [_say(language, SERVER, version=version, url=url)]
    lines += [_line(item, language) for item in desk.items]
    lines += [_say(language, WRITTEN, path=path, role=role) for role, path in written.items()]
    if any(item.state == "kept" for item in desk.items):
        lines.append(_say(language, KEPT))
    last = (CHECKED if desk.check else DONE) if desk.changes else READY
    sys.stdout.write("".join([*lines, _say(language, last, count=desk.changes)]))


def _line(item: Item, language: i18n.Language) -> str:
    what, state = i18n.translate(WHAT[item.what], language), i18n.translate(STATE[item.state], language)
    detail = f" ({item.detail})" if item.detail else ""
    return f"  {what} {item.name}{detail}: {state}\n"


def _say(language: i18n.Language, text: str, **values: object) -> str:
    return i18n.Message(text, values).to(language) + "\n"
