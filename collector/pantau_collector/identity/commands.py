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

from pantau_collector.config import load
from pantau_collector.errors import BrokerError, CertificateError
from pantau_collector.i18n import marked as _
from pantau_collector.identity import (
    broker_config,
    bundles,
    eviction,
    folder,
    testpoint_keys,
    upkeep,
)
from pantau_collector.identity.terminal import files_of, identities_of, registry_of, say, stands_there
from pantau_collector.registry import writer
from pantau_collector.registry.instants import format_instant
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
OPERATOR = _(
    "It may publish signed configurations and nothing else, once pantau-collector broker-config has written"
    " the access list anew and the broker has read it. For pantau-collector --config operator.toml config"
    " publish:\n\n"
    "[broker]\n"
    'host = "BROKER"\n'
    "port = 8883\n"
    'ca_file = "{authority}"\n'
    'cert_file = "{certificate}"\n'
    'key_file = "{key}"'
)
NO_COLLECTOR = _("no collector has a certificate: run pantau-collector ca collector NAME --out FOLDER first")
KEYS_MADE = _(
    "{private} signs tokens: for collectors alone, named in [testpoint] key_file.\n"
    "{public} goes to the testpoints: pantau-testpoint --token-key-file FILE"
)


def begin(arguments: argparse.Namespace) -> int:
    """Make the authorities."""
    identities_of(arguments).begin(arguments.name)
    say(arguments, BEGUN, path=files_of(arguments).path)
    return 0


def status(arguments: argparse.Namespace) -> int:
    """Say how the identities stand; 1 where something ends soon."""
    standing = identities_of(arguments).standing()
    say(arguments, STANDING, valid=standing.valid_count, revoked=standing.revoked_count)
    say(arguments, AUTHORITY_ENDS, ends_at=f"{standing.authority_ends_at:%Y-%m-%d}")
    say(
        arguments,
        LIST_LAPSES if standing.list_ends_soon else LIST_ENDS,
        ends_at=f"{standing.list_ends_at:%Y-%m-%d}",
    )
    for issued in standing.expiring:
        say(arguments, ENDS_SOON, name=issued.subject, ends_at=f"{issued.ends_at:%Y-%m-%d}")
    return 1 if standing.list_ends_soon or standing.expiring else 0


def renew(arguments: argparse.Namespace) -> int:
    """Sign a new revocation list."""
    ends_at = identities_of(arguments).renew_list()
    say(arguments, RENEWED, path=files_of(arguments).revocation_list, ends_at=f"{ends_at:%Y-%m-%d}")
    return 0


def server(arguments: argparse.Namespace) -> int:
    """Issue a certificate for a server, with its key."""
    _issue_server(arguments, arguments.name, arguments.host)
    return 0


def _issue_server(arguments: argparse.Namespace, name: str, hosts: list[str]) -> Bundle:
    identities = identities_of(arguments)

    def sign(key: ec.EllipticCurvePublicKey) -> x509.Certificate:
        return _told(arguments, name, identities.issue("server", name, key, hosts=hosts))

    return bundles.with_new_key(arguments.out, name, files_of(arguments), sign)


def collector(arguments: argparse.Namespace) -> int:
    """Issue a certificate for a collector, with its key."""
    _issue_client(arguments, topics.COLLECTOR_PREFIX)
    return 0


def operator(arguments: argparse.Namespace) -> int:
    """Issue a certificate for an operator, with its key, and say how it is used."""
    bundle = _issue_client(arguments, topics.OPERATOR_PREFIX)
    say(
        arguments,
        OPERATOR,
        authority=bundle.authority.resolve(),
        certificate=bundle.certificate.resolve(),
        key=bundle.key.resolve(),
    )
    return 0


def _issue_client(arguments: argparse.Namespace, prefix: str) -> Bundle:
    name = prefix + arguments.name.removeprefix(prefix)
    if not topics.is_id(name):
        raise CertificateError(
            _("{name} is no name: letters, digits and . _ - only"), name=repr(arguments.name)
        )
    identities = identities_of(arguments)

    def sign(key: ec.EllipticCurvePublicKey) -> x509.Certificate:
        return _told(arguments, name, identities.issue("client", name, key))

    return bundles.with_new_key(arguments.out, name, files_of(arguments), sign)


def enroll(arguments: argparse.Namespace) -> int:
    """Place a device and issue its certificate."""
    topics.check_device_id(arguments.device)
    identities = identities_of(arguments)
    _place(arguments)

    def sign(key: ec.EllipticCurvePublicKey) -> x509.Certificate:
        certificate = identities.issue("client", arguments.device, key, village=arguments.village)
        return _told(arguments, arguments.device, certificate)

    _hand_over(arguments, sign)
    return 0


def rotate(arguments: argparse.Namespace) -> int:
    """Issue a new certificate for a device."""
    identities = identities_of(arguments)

    def sign(key: ec.EllipticCurvePublicKey) -> x509.Certificate:
        certificate = identities.rotate(arguments.device, key, overlap_days=arguments.overlap_days)
        return _told(arguments, arguments.device, certificate)

    _hand_over(arguments, sign)
    return 0


def _hand_over(arguments: argparse.Namespace, sign: bundles.Sign) -> None:
    files = files_of(arguments)
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
    if stands_there(arguments):
        return
    row = {
        "device": arguments.device,
        "village": arguments.village,
        "since": format_instant(time.time_ns(), arguments.village),
    }
    path = registry_of(arguments)
    writer.add(path, row, arguments.language)
    say(arguments, PLACED, name=arguments.device, village=arguments.village, path=path)


def revoke(arguments: argparse.Namespace) -> int:
    """Revoke all that a device holds."""
    count = identities_of(arguments).revoke(arguments.device, arguments.reason)
    path = files_of(arguments).revocation_list
    say(arguments, REVOKED, name=arguments.device, count=count, path=path)
    config = load(arguments.config)
    return 0 if _reloaded(arguments, config) and _evicted(arguments, config) else 1


def _reloaded(arguments: argparse.Namespace, config: CollectorConfig) -> bool:
    """Have the broker read the list; tell whether it did."""
    command = config.identity.reload_command
    if not command:
        say(arguments, RELOAD_YOURSELF, path=files_of(arguments).revocation_list)
        return True
    try:
        upkeep.reload_broker(command)
    except (OSError, subprocess.SubprocessError) as error:
        say(arguments, NOT_RELOADED, error=error)
        return False
    return True


def _evicted(arguments: argparse.Namespace, config: CollectorConfig) -> bool:
    """End the device's connection; tell whether that is done."""
    broker = config.broker
    if broker.ca_file is None:
        return True
    try:
        asyncio.run(eviction.evict(files_of(arguments), arguments.device, broker.host, broker.port))
    except BrokerError as error:
        say(arguments, NOT_EVICTED, name=arguments.device, error=error)
        return False
    say(arguments, EVICTED, name=arguments.device)
    return True


def listing(arguments: argparse.Namespace) -> int:
    """List every certificate, as text or JSON."""
    found = identities_of(arguments).certificates()
    if arguments.json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(found), indent=2).decode() + "\n")
        return 0
    if not found:
        say(arguments, NO_DEVICES)
    for issued in found:
        ended = f"  {issued.reason} {issued.revoked_at:%Y-%m-%d}" if issued.revoked_at else ""
        sys.stdout.write(f"{issued.subject:<32}  {issued.side:<6}  {issued.ends_at:%Y-%m-%d}{ended}\n")
    return 0


def broker(arguments: argparse.Namespace) -> int:
    """Write what Mosquitto needs, with a certificate of its own; one that is there for these hosts stays."""
    collectors = _clients(arguments, topics.COLLECTOR_PREFIX)
    if not collectors:
        raise CertificateError(NO_COLLECTOR)
    files, out = files_of(arguments), arguments.out.resolve()
    bundle = bundles.existing_server(out, "broker", files, arguments.host) or _issue_server(
        arguments, "broker", arguments.host
    )
    server = broker_config.BrokerFiles(
        server_certificate=bundle.certificate.resolve(),
        server_key=bundle.key.resolve(),
        client_authority=files.authority_certificate("client").resolve(),
        revocation_list=files.revocation_list.resolve(),
        access_list=out / "acl",
    )
    access_list = broker_config.access_list(collectors, _clients(arguments, topics.OPERATOR_PREFIX))
    folder.write(server.access_list, access_list.encode(), private=True)
    folder.write(out / "mosquitto.conf", broker_config.configuration(server, port=arguments.port).encode())
    say(arguments, WRITTEN, path=out / "mosquitto.conf")
    return 0


def testpoint_key(arguments: argparse.Namespace) -> int:
    """Make the key pair of the testpoints' tokens."""
    private, public = testpoint_keys.make(arguments.out)
    say(arguments, KEYS_MADE, private=private, public=public)
    return 0


def _clients(arguments: argparse.Namespace, prefix: str) -> list[str]:
    """Return who of that kind can be let in by a certificate: a revoked one has no business in the list."""
    found, now = identities_of(arguments), identities_of(arguments).time()
    return sorted(
        {
            issued.subject
            for issued in found.certificates()
            if issued.side == "client" and issued.subject.startswith(prefix) and issued.valid_at(now)
        }
    )


def _told(arguments: argparse.Namespace, name: str, certificate: x509.Certificate) -> x509.Certificate:
    ends_at = f"{certificate.not_valid_after_utc:%Y-%m-%d}"
    say(arguments, ISSUED, name=name, ends_at=ends_at, path=arguments.out)
    return certificate
