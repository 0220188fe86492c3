"""`pantau-agent enroll`: advice on standard error, and the lines for agent.toml on standard output."""

from __future__ import annotations

import datetime as dt
import json
import sys
from typing import TYPE_CHECKING

from pantau_agent.enrolment import refusals
from pantau_agent.enrolment.install import install
from pantau_agent.enrolment.joining import enrol, read_line
from pantau_agent.enrolment.request import make_request
from pantau_agent.errors import EnrolmentError
from pantau_agent.i18n import _
from pantau_wire import topics
from pantau_wire.errors import InvalidTopicError

if TYPE_CHECKING:
    from pathlib import Path

    from pantau_agent.enrolment.install import Installed

_MAX_LINE = 1000  # characters
_STANDARD_INPUT = "-"


def run_request(out: Path, device: str) -> int:
    """Make key and request, and say where the request goes; raises `EnrolmentError`."""
    try:
        topics.check_device_id(device)
    except InvalidTopicError as error:
        raise EnrolmentError(str(error)) from None
    made = make_request(out, device)
    _note(_("{key} is this device's key: it stays here, and is nobody else's.").format(key=made.key))
    _note(_("Send {request} to the collector's operator, who runs:").format(request=made.request))
    _say(f"pantau-collector devices enroll {device} --village CODE --request {device}.csr --out {device}")
    _note(_("Then bring back {device}.pem and ca.pem, and run:").format(device=device))
    _say(f"pantau-agent enroll --install {out} --certificate {device}.pem --authority ca.pem")
    return 0


def run_token(line: str, folder: Path) -> int:
    """Have this device certified by the line of an invitation; raises `EnrolmentError`."""
    invitation = read_line(line)
    asking = _("Asking {url} for the certificate of {device} …")
    _note(asking.format(url=invitation.url, device=invitation.device))
    now = dt.datetime.now(dt.UTC)
    made, answer = enrol(invitation, folder, now=now, note=_note)
    _tell(made, now)
    _note(_("It stands in village {village}.").format(village=answer.village))
    _note(_("These lines belong into agent.toml; then run pantau-agent doctor:"))
    _say(_lines(made, answer.broker_host, answer.broker_port))
    return 0


def read_token(token: str | None, file: Path | None) -> str:
    """Return the line of an invitation: as it is, from a file, or for `-` from standard input.

    Raises `EnrolmentError`.
    """
    try:
        if file is not None:
            return file.read_text(encoding="ascii")[:_MAX_LINE]
        if token != _STANDARD_INPUT:
            return token or ""
        if sys.stdin.isatty():
            _note(_("Paste the line of the invitation, then press Enter:"))
        return sys.stdin.readline(_MAX_LINE)
    except OSError as error:
        text = _("cannot read {path}: {reason}").format(path=file or "-", reason=error.strerror)
        raise EnrolmentError(text) from None
    except UnicodeDecodeError:
        raise EnrolmentError(refusals.no_line()) from None


def run_install(folder: Path, certificate: Path, authority: Path, device: str | None) -> int:
    """Check and install what came back, and say what belongs into agent.toml; raises `EnrolmentError`."""
    now = dt.datetime.now(dt.UTC)
    made = install(folder, certificate, authority, device=device, now=now)
    _tell(made, now)
    _note(_("These lines belong into agent.toml:"))
    _say(_lines(made))
    return 0


def _tell(made: Installed, now: dt.datetime) -> None:
    day = f"{made.ends_at:%Y-%m-%d}"
    _note(_("{device} has its certificate, until {day}.").format(device=made.device, day=day))
    if made.begins_at > now:
        day = f"{made.begins_at:%Y-%m-%d}"
        _note(
            _("It is valid from {day} on only: the clock of this device seems to be behind.").format(day=day)
        )


def _lines(made: Installed, host: str | None = None, port: int = 8883) -> str:
    files = {"ca_file": made.authority, "cert_file": made.certificate, "key_file": made.key}
    lines = [f"{name} = {_quoted(str(path.resolve()))}" for name, path in files.items()]
    place = [*([f"host = {_quoted(host)}"] if host else []), f"port = {port}"]
    return "\n".join([f"device = {_quoted(made.device)}", "", "[broker]", *place, *lines])


def _quoted(text: str) -> str:
    """Return the text as TOML's basic string, whose escapes are JSON's."""
    return json.dumps(text, ensure_ascii=False)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _note(text: str) -> None:
    sys.stderr.write(f"{text}\n")
