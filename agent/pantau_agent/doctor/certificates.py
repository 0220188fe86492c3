"""TLS with the broker: what its refusal, and the dates and names in certificates mean."""

from __future__ import annotations

import datetime as dt
import re
import ssl
import stat
import time
from typing import TYPE_CHECKING, Any

from pantau_agent.certificate_file import SOON_S, decoded
from pantau_agent.doctor.findings import Finding, ok, problem, warning
from pantau_agent.errors import ConfigError
from pantau_agent.i18n import _
from pantau_agent.publisher.connection import tls_context

if TYPE_CHECKING:
    from pathlib import Path

    from pantau_agent.config import AgentConfig, BrokerConfig

_NOT_YET_VALID, _EXPIRED = 9, 10  # OpenSSL's X509_V_ERR_*
_OTHER_NAME = {62, 64}
_UNKNOWN_CA = {2, 18, 19, 20, 21}
_ALERT = re.compile(r"ALERT_(\w+)")


def context_or_none(broker: BrokerConfig) -> ssl.SSLContext | None:
    """Return the agent's own TLS context; None without TLS, or with files that `own_certificate` reports."""
    try:
        return tls_context(broker)
    except ConfigError:
        return None


def own_certificate(config: AgentConfig) -> list[Finding]:
    """Tell whether the files can be used, and whether the certificate is this device's, and for how long."""
    name, broker = "broker-certificate", config.broker
    if broker.ca_file is None:
        detail = _("TLS is off: everybody on the way can read and change what is published")
        return [warning(name, detail, _("Set [broker] ca_file, or publish only within a network you trust."))]
    try:
        tls_context(broker)
    except ConfigError as error:
        advice = _("Check the paths in [broker], and that the agent's user may read the files.")
        return [problem(name, str(error), advice)]
    if broker.cert_file is None or broker.key_file is None:
        return []
    found = decoded(broker.cert_file)
    return [_judge_dates(found) or _judge_name(found, config.device), *_readers(broker.key_file)]


def _judge_dates(found: dict[str, Any]) -> Finding | None:
    """Return what is wrong with the dates, None if nothing is."""
    name, now_s = "broker-certificate", time.time()
    begins_s = ssl.cert_time_to_seconds(found["notBefore"])
    ends_s = ssl.cert_time_to_seconds(found["notAfter"])
    day = dt.datetime.fromtimestamp(ends_s, dt.UTC).strftime("%Y-%m-%d")
    if now_s < begins_s:
        return problem(name, _("this device's certificate is not valid yet"), _clock_advice())
    if now_s >= ends_s:
        detail = _("this device's certificate expired on {day}").format(day=day)
        return problem(name, detail, _("Enrol the device anew; check the clock first."))
    if ends_s - now_s < SOON_S:
        detail = _("this device's certificate expires on {day}").format(day=day)
        return warning(name, detail, _("Have it renewed before that day."))
    return None


def _judge_name(found: dict[str, Any], device: str) -> Finding:
    subject = dict(pair for group in found["subject"] for pair in group)
    named = subject.get("commonName")
    if named != device:
        detail = _("the certificate is for {named}, and this device is called {device}").format(
            named=named, device=device
        )
        advice = _("Install this device's own certificate, or correct `device` in the configuration.")
        return problem("broker-certificate", detail, advice)
    return ok("broker-certificate", _("for {named}, until {day}").format(named=named, day=found["notAfter"]))


def _readers(key_file: Path) -> list[Finding]:
    if not key_file.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH):
        return []
    detail = _("everybody on this machine can read {file}").format(file=key_file)
    return [warning("broker-key", detail, f"chmod 640 {key_file}")]


def tls_problem(broker: BrokerConfig, fault: OSError) -> Finding:
    """Return what a failed handshake means."""
    detail, advice = _in_words(broker, fault)
    return problem("broker-tls", detail, advice)


def _in_words(broker: BrokerConfig, fault: OSError) -> tuple[str, str]:
    if isinstance(fault, ssl.SSLCertVerificationError):
        return _verification(broker, fault)
    alert = _ALERT.search(str(getattr(fault, "reason", None) or ""))
    if alert is not None:
        detail = _("the broker refuses this device's certificate: {reason}").format(
            reason=alert[1].lower().replace("_", " ")
        )
        return detail, _(
            "Enrol the device anew: its certificate is missing, expired, revoked or of another CA."
        )
    reason = str(getattr(fault, "reason", None) or fault.strerror or type(fault).__name__)
    detail = _("no TLS at {host}:{port}: {reason}").format(host=broker.host, port=broker.port, reason=reason)
    return detail, _("Check [broker] port (TLS is 8883 by custom); without TLS leave ca_file out.")


def _verification(broker: BrokerConfig, fault: ssl.SSLCertVerificationError) -> tuple[str, str]:
    code = fault.verify_code
    if code == _NOT_YET_VALID:
        return _("the broker's certificate is not valid yet"), _clock_advice()
    if code == _EXPIRED:
        detail = _("the broker's certificate has expired, as this clock sees it")
        return detail, _("Check the clock first; if it is right, the broker needs a new certificate.")
    if code in _OTHER_NAME:
        detail = _("the broker's certificate is for another name than {host}").format(host=broker.host)
        return detail, _("Set [broker] host to the name in the certificate.")
    if code in _UNKNOWN_CA:
        detail = _("the broker's certificate is not signed by the CA in {file}").format(file=broker.ca_file)
        return detail, _(
            "Install the CA file of this broker; if it is the right one, do not trust this network."
        )
    return f"{fault.verify_message} ({code})", _("Show this line to whoever runs the broker.")


def _clock_advice() -> str:
    return _(
        "The clock of this device is behind: set it, and install fake-hwclock (see the line of the clock)."
    )
