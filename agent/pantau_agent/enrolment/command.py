"""`pantau-agent enroll`: advice on standard error, and the lines for agent.toml on standard output."""

from __future__ import annotations

import datetime as dt
import json
import sys
from typing import TYPE_CHECKING

from pantau_agent.enrolment.install import install
from pantau_agent.enrolment.request import make_request
from pantau_agent.errors import EnrolmentError
from pantau_agent.i18n import _
from pantau_wire import topics
from pantau_wire.errors import InvalidTopicError

if TYPE_CHECKING:
    from pathlib import Path

    from pantau_agent.enrolment.install import Installed


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


def run_install(folder: Path, certificate: Path, authority: Path, device: str | None) -> int:
    """Check and install what came back, and say what belongs into agent.toml; raises `EnrolmentError`."""
    now = dt.datetime.now(dt.UTC)
    made = install(folder, certificate, authority, device=device, now=now)
    day = f"{made.ends_at:%Y-%m-%d}"
    _note(_("{device} has its certificate, until {day}.").format(device=made.device, day=day))
    if made.begins_at > now:
        day = f"{made.begins_at:%Y-%m-%d}"
        _note(
            _("It is valid from {day} on only: the clock of this device seems to be behind.").format(day=day)
        )
    _note(_("These lines belong into agent.toml:"))
    _say(_lines(made))
    return 0


def _lines(made: Installed) -> str:
    files = {"ca_file": made.authority, "cert_file": made.certificate, "key_file": made.key}
    lines = [f"{name} = {_quoted(str(path.resolve()))}" for name, path in files.items()]
    return "\n".join([f"device = {_quoted(made.device)}", "", "[broker]", "port = 8883", *lines])


def _quoted(text: str) -> str:
    """Return the text as TOML's basic string, whose escapes are JSON's."""
    return json.dumps(text, ensure_ascii=False)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _note(text: str) -> None:
    sys.stderr.write(f"{text}\n")
