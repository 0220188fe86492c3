"""What `pantau-collector ca`, `devices`, `broker-config` and `testpoint-key` do, in the terminal's language.

Every command takes the parsed arguments, returns the exit code (0 done, 1 something needs a hand) and raises
`CertificateError` where it cannot be done.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import msgspec

from pantau_collector import i18n
from pantau_collector.config import load
from pantau_collector.errors import BrokerError, CertificateError
from pantau_collector.i18n import marked as _
from pantau_collector.identity import (
    authority,
    broker_config,
    bundles,
    eviction,
    folder,
    testpoint_keys,
    upkeep,
)
from pantau_collector.registry import writer
from pantau_collector.registry.instants import format_instant
from pantau_collector.registry.reader import examine
from pantau_wire import topics

if TYPE_CHECKING:
    import argparse

    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

    from pantau_collector.config import CollectorConfig
    from pantau_collector.identity.bundles import Bundle

BEGUN = _("{path} holds the new authorities. Keep a copy of it in a safe place: it cannot be made again.")
ISSUED = _("{name} has a certificate until {ends_at}, in {path}")
PLACED = _("{name} stands in {village} since now; {path} has the new row")
REVOKED = _("{name} is revoked: {count} certificate(s), in {path}")
RELOAD_YOURSELF = _("now have the broker read {path} again: reload_command is not configured")
NOT_RELOADED = _("the broker was NOT told to read the list again: {error}")
EVICTED = _("{name} is not connected any more")
NOT_EVICTED = _("an open connection of {name} was NOT ended: {error}; restart the broker")
RENEWED = _("{path} is good until {ends_at}")
STANDING = _("certificates: {valid} valid, {revoked} revoked")
LIST_ENDS = _("revocation list: good until {ends_at}")
LIST_LAPSES = _(
    "revocation list: LAPSES ON {ends_at}; then nobody gets in. Run pantau-collector ca renew-list"
)
ENDS_SOON = _("{name}: certificate ends on {ends_at}; run pantau-collector devices rotate {name}")
AUTHORITY_ENDS = _("authorities: good until {ends_at}")
NO_DEVICES = _("no certificate was issued yet")
WRITTEN = _("{path} is written; start Mosquitto with it")
NO_COLLECTOR = _("no collector has a certificate: run pantau-collector ca collector NAME --out FOLDER first")
KEYS_MADE = _(
    "{private} signs tokens: for collectors alone, named in [testpoint] key_file.\n"
    "{public} goes to the testpoints: pantau-testpoint --token-key-file FILE"
)
CONTRADICTION = _("{device} stands in {now} by the registry, not in {village}: use pantau-collector registry")


def _files(arguments: argparse.Namespace) -> folder.Folder:
    return folder.Folder(arguments.folder or load(arguments.config).identity.path)


def _identities(arguments: argparse.Namespace) -> authority.Identities:
    return authority.Identities(_files(arguments))


def begin(arguments: argparse.Namespace) -> int:
    """Make the authorities."""
    _identities(arguments).begin(arguments.name)
    _say(arguments, BEGUN, path=_files(arguments).path)
    return 0


def status(arguments: argparse.Namespace) -> int:
    """Say how the identities stand; 1 where something ends soon."""
    standing = _identities(arguments).standing()
    _say(arguments, STANDING, valid=standing.valid_count, revoked=standing.revoked_count)
    _say(arguments, AUTHORITY_ENDS, ends_at=f"{standing.authority_ends_at:%Y-%m-%d}")
    _say(
        arguments,
        LIST_LAPSES if standing.list_ends_soon else LIST_ENDS,
        ends_at=f"{standing.list_ends_at:%Y-%m-%d}",
    )
    for issued in standing.expiring:
        _say(arguments, ENDS_SOON, name=issued.subject, ends_at=f"{issued.ends_at:%Y-%m-%d}")
    return 1 if standing.list_ends_soon or standing.expiring else 0


def renew(arguments: argparse.Namespace) -> int:
    """Sign a new revocation list."""
    ends_at = _identities(arguments).renew_list()
    _say(arguments, RENEWED, path=_files(arguments).revocation_list, ends_at=f"{ends_at:%Y-%m-%d}")
    return 0


def server(arguments: argparse.Namespace) -> int:
    """Issue a certificate for a server, with its key."""
    _issue_server(arguments, arguments.name, arguments.host)
    return 0


def _issue_server(arguments: argparse.Namespace, name: str, hosts: list[str]) -> Bundle:
    identities = _identities(arguments)

    def sign(key: ec.EllipticCurvePublicKey) -> x509.Certificate:
        return _told(arguments, name, identities.issue("server", name, key, hosts=hosts))

    return bundles.with_new_key(arguments.out, name, _files(arguments), sign)


def collector(arguments: argparse.Namespace) -> int:
    """Issue a certificate for a collector, with its key."""
    name = topics.RESERVED_ID_PREFIX + arguments.name.removeprefix(topics.RESERVED_ID_PREFIX)
    identities = _identities(arguments)

    def sign(key: ec.EllipticCurvePublicKey) -> x509.Certificate:
        return _told(arguments, name, identities.issue("client", name, key))

    bundles.with_new_key(arguments.out, name, _files(arguments), sign)
    return 0


def enroll(arguments: argparse.Namespace) -> int:
    """Place a device and issue its certificate."""
    topics.check_device_id(arguments.device)
    identities = _identities(arguments)
    _place(arguments)

    def sign(key: ec.EllipticCurvePublicKey) -> x509.Certificate:
        certificate = identities.issue("client", arguments.device, key, village=arguments.village)
        return _told(arguments, arguments.device, certificate)

    _hand_over(arguments, sign)
    return 0


def rotate(arguments: argparse.Namespace) -> int:
    """Issue a new certificate for a device."""
    identities = _identities(arguments)

    def sign(key: ec.EllipticCurvePublicKey) -> x509.Certificate:
        certificate = identities.rotate(arguments.device, key, overlap_days=arguments.overlap_days)
        return _told(arguments, arguments.device, certificate)

    _hand_over(arguments, sign)
    return 0


def _hand_over(arguments: argparse.Namespace, sign: bundles.Sign) -> None:
    files = _files(arguments)
    if arguments.request is None:
        bundles.with_new_key(arguments.out, arguments.device, files, sign)
        return
    try:
        pem = arguments.request.read_bytes()
    except OSError as error:
        raise CertificateError(
            _("cannot read {path}: {reason}"), path=arguments.request, reason=error.strerror
        ) from None
    bundles.for_request(arguments.out, arguments.device, pem, files, sign)


def _place(arguments: argparse.Namespace) -> None:
    """Write the device into the registry, unless it stands in that village already."""
    path = arguments.registry or load(arguments.config).registry.path
    registry = examine(path)[0] if path.exists() else None
    placement = registry.current(arguments.device) if registry else None
    if placement is not None and placement.village == arguments.village:
        return
    if placement is not None:
        raise CertificateError(
            CONTRADICTION, device=arguments.device, now=placement.village, village=arguments.village
        )
    row = {
        "device": arguments.device,
        "village": arguments.village,
        "since": format_instant(time.time_ns(), arguments.village),
    }
    writer.add(path, row, arguments.language)
    _say(arguments, PLACED, name=arguments.device, village=arguments.village, path=path)


def revoke(arguments: argparse.Namespace) -> int:
    """Revoke all that a device holds."""
    count = _identities(arguments).revoke(arguments.device, arguments.reason)
    path = _files(arguments).revocation_list
    _say(arguments, REVOKED, name=arguments.device, count=count, path=path)
    config = load(arguments.config)
    return 0 if _reloaded(arguments, config) and _evicted(arguments, config) else 1


def _reloaded(arguments: argparse.Namespace, config: CollectorConfig) -> bool:
    """Have the broker read the list; tell whether it did."""
    command = config.identity.reload_command
    if not command:
        _say(arguments, RELOAD_YOURSELF, path=_files(arguments).revocation_list)
        return True
    try:
        upkeep.reload_broker(command)
    except (OSError, subprocess.SubprocessError) as error:
        _say(arguments, NOT_RELOADED, error=error)
        return False
    return True


def _evicted(arguments: argparse.Namespace, config: CollectorConfig) -> bool:
    """End the device's connection; tell whether that is done."""
    broker = config.broker
    if broker.ca_file is None:
        return True
    try:
        asyncio.run(eviction.evict(_files(arguments), arguments.device, broker.host, broker.port))
    except BrokerError as error:
        _say(arguments, NOT_EVICTED, name=arguments.device, error=error)
        return False
    _say(arguments, EVICTED, name=arguments.device)
    return True


def listing(arguments: argparse.Namespace) -> int:
    """List every certificate, as text or JSON."""
    found = _identities(arguments).certificates()
    if arguments.json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(found), indent=2).decode() + "\n")
        return 0
    if not found:
        _say(arguments, NO_DEVICES)
    for issued in found:
        ended = f"  {issued.reason} {issued.revoked_at:%Y-%m-%d}" if issued.revoked_at else ""
        sys.stdout.write(f"{issued.subject:<32}  {issued.side:<6}  {issued.ends_at:%Y-%m-%d}{ended}\n")
    return 0


def broker(arguments: argparse.Namespace) -> int:
    """Write what Mosquitto needs, with a certificate of its own."""
    collectors = _collectors(arguments)
    if not collectors:
        raise CertificateError(NO_COLLECTOR)
    bundle = _issue_server(arguments, "broker", arguments.host)
    files, out = _files(arguments), arguments.out.resolve()
    server = broker_config.BrokerFiles(
        server_certificate=bundle.certificate.resolve(),
        server_key=bundle.key.resolve(),
        client_authority=files.authority_certificate("client").resolve(),
        revocation_list=files.revocation_list.resolve(),
        access_list=out / "acl",
    )
    folder.write(server.access_list, broker_config.access_list(collectors).encode(), private=True)
    folder.write(out / "mosquitto.conf", broker_config.configuration(server, port=arguments.port).encode())
    _say(arguments, WRITTEN, path=out / "mosquitto.conf")
    return 0


def testpoint_key(arguments: argparse.Namespace) -> int:
    """Make the key pair of the testpoints' tokens."""
    private, public = testpoint_keys.make(arguments.out)
    _say(arguments, KEYS_MADE, private=private, public=public)
    return 0


def _collectors(arguments: argparse.Namespace) -> list[str]:
    names = {issued.subject for issued in _identities(arguments).certificates() if issued.side == "client"}
    return sorted(name for name in names if name.startswith(topics.RESERVED_ID_PREFIX))


def _told(arguments: argparse.Namespace, name: str, certificate: x509.Certificate) -> x509.Certificate:
    ends_at = f"{certificate.not_valid_after_utc:%Y-%m-%d}"
    _say(arguments, ISSUED, name=name, ends_at=ends_at, path=arguments.out)
    return certificate


def _say(arguments: argparse.Namespace, text: str, **values: object) -> None:
    sys.stdout.write(f"{i18n.Message(text, values).to(arguments.language)}\n")
