"""What an operator does with identities, and what the files say afterwards."""

from __future__ import annotations

import datetime as dt
import stat
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from pantau_collector.errors import CertificateError
from pantau_collector.identity import certificates, journal, terms
from pantau_collector.identity.authority import Identities
from pantau_collector.identity.folder import Folder

if TYPE_CHECKING:
    from pathlib import Path

START = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)


def at(files: Folder, days: float = 0) -> Identities:
    """Return the identities as used some days after the beginning."""
    return Identities(files, START + dt.timedelta(days=days))


@pytest.fixture
def begun(tmp_path: Path) -> Folder:
    files = Folder(tmp_path / "identity")
    at(files).begin("Klaten")
    return files


def public_key() -> certificates.ec.EllipticCurvePublicKey:
    return certificates.new_key().public_key()


def revoked_serials(files: Folder) -> set[int]:
    crl = x509.load_pem_x509_crl(files.revocation_list.read_bytes())
    return {entry.serial_number for entry in crl}


def test_keys_are_readable_by_their_owner_only(begun: Folder) -> None:
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in begun.path.iterdir()}
    assert modes["client-ca.key"] == modes["server-ca.key"] == modes["journal.jsonl"] == 0o600
    assert modes["client-ca.pem"] == modes["client-revoked.pem"] == 0o644
    assert stat.S_IMODE(begun.path.stat().st_mode) == 0o755  # the broker reads the list


def test_authorities_are_never_made_twice(begun: Folder) -> None:
    before = (begun.path / "client-ca.key").read_bytes()
    with pytest.raises(CertificateError, match="would lock out every device"):
        at(begun).begin("Klaten")
    assert (begun.path / "client-ca.key").read_bytes() == before


def test_a_certificate_says_on_which_side_it_may_stand(begun: Folder) -> None:
    device = at(begun).issue("client", "desa-1", public_key())
    server = at(begun).issue("server", "broker", public_key(), hosts=["broker.example.net", "127.0.0.1"])
    usage = [
        found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value for found in (device, server)
    ]
    assert [list(entry) for entry in usage] == [
        [ExtendedKeyUsageOID.CLIENT_AUTH],
        [ExtendedKeyUsageOID.SERVER_AUTH],
    ]
    assert device.issuer != server.issuer
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["broker.example.net"]
    assert [str(found) for found in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]


def test_a_certificate_never_outlives_its_authority(begun: Folder) -> None:
    late = at(begun, days=terms.AUTHORITY_DAYS - 10).issue("client", "desa-1", public_key())
    authority = begun.authority("client").certificate
    assert late.not_valid_after_utc == authority.not_valid_after_utc


def test_a_device_has_one_certificate_until_it_is_rotated(begun: Folder) -> None:
    at(begun).issue("client", "desa-1", public_key())
    with pytest.raises(CertificateError, match="holds a valid certificate"):
        at(begun, days=1).issue("client", "desa-1", public_key())


def test_rotation_lets_the_old_certificate_live_for_the_overlap(begun: Folder) -> None:
    old = at(begun).issue("client", "desa-1", public_key())
    new = at(begun, days=10).rotate("desa-1", public_key(), overlap_days=30)
    at(begun, days=20).renew_list()
    assert revoked_serials(begun) == set()
    at(begun, days=41).renew_list()
    assert revoked_serials(begun) == {old.serial_number}
    assert new.serial_number != old.serial_number


def test_rotation_without_overlap_revokes_at_once(begun: Folder) -> None:
    old = at(begun).issue("client", "desa-1", public_key())
    at(begun, days=1).rotate("desa-1", public_key(), overlap_days=0)
    assert revoked_serials(begun) == {old.serial_number}


def test_a_revoked_device_stands_in_the_list_until_its_certificate_ends(begun: Folder) -> None:
    issued = at(begun).issue("client", "desa-1", public_key(), days=100)
    assert at(begun, days=5).revoke("desa-1", "key_compromise") == 1
    assert revoked_serials(begun) == {issued.serial_number}
    at(begun, days=101).renew_list()
    assert revoked_serials(begun) == set()


def test_a_device_that_was_revoked_while_it_rotated_is_out_with_both_certificates(begun: Folder) -> None:
    old = at(begun).issue("client", "desa-1", public_key())
    new = at(begun, days=1).rotate("desa-1", public_key(), overlap_days=30)
    at(begun, days=2).revoke("desa-1")
    assert revoked_serials(begun) == {old.serial_number, new.serial_number}


def test_what_cannot_be_revoked_or_rotated_is_said(begun: Folder) -> None:
    for deed in (lambda: at(begun).revoke("desa-9"), lambda: at(begun).rotate("desa-9", public_key())):
        with pytest.raises(CertificateError, match="desa-9 holds no valid certificate"):
            deed()


def test_the_standing_names_what_will_end_soon(begun: Folder) -> None:
    at(begun).issue("client", "desa-1", public_key(), days=60)
    at(begun).issue("client", "desa-2", public_key(), days=400)
    standing = at(begun, days=30).standing()
    assert (standing.valid_count, standing.revoked_count) == (2, 0)
    assert [issued.subject for issued in standing.expiring] == ["desa-1"]
    assert standing.list_ends_at == START + dt.timedelta(days=60)


def test_the_journal_says_who_did_what(begun: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "sri")
    at(begun, days=1).issue("client", "desa-1", public_key(), village="33.10.25.2007")
    at(begun, days=2).revoke("desa-1", "cessation_of_operation")
    told = [(entry.action, entry.who, entry.subject) for entry in journal.read(begun.journal)][3:]
    assert told == [
        ("issued", "sri", "desa-1"),
        ("revoked", "sri", "desa-1"),
        ("list_renewed", "sri", None),
    ]


def test_a_damaged_journal_is_named_and_nothing_is_issued(begun: Folder) -> None:
    with begun.journal.open("ab") as file:
        file.write(b'{"at": "yesterday"}\n')
    with pytest.raises(CertificateError, match=r"journal\.jsonl, line 4 is damaged"):
        at(begun).issue("client", "desa-1", public_key())


def test_a_key_of_another_authority_is_noticed(begun: Folder, tmp_path: Path) -> None:
    other = Folder(tmp_path / "other")
    at(other).begin("Boyolali")
    (begun.path / "client-ca.key").write_bytes((other.path / "client-ca.key").read_bytes())
    with pytest.raises(CertificateError, match="does not belong to its certificate"):
        at(begun).issue("client", "desa-1", public_key())


def test_a_signing_request_is_read_and_a_bad_one_refused() -> None:
    key = certificates.new_key()
    subject = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "desa-1")])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject)
    pem = request.sign(key, certificates.hashes.SHA256()).public_bytes(
        certificates.serialization.Encoding.PEM
    )
    assert certificates.read_request(pem) == ("desa-1", key.public_key())
    with pytest.raises(CertificateError, match="no certificate signing request"):
        certificates.read_request(b"hello")
    with pytest.raises(CertificateError, match=r"no certificate signing request|damaged"):
        certificates.read_request(pem.replace(b"M", b"N", 3))
