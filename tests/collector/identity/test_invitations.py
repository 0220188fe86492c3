"""Invitations in the folder of the authorities: one token, one device, one key, once, for a while."""

from __future__ import annotations

import concurrent.futures
import datetime as dt
import stat
import threading
from typing import TYPE_CHECKING

import pytest
from cryptography import x509

from pantau_collector.errors import CertificateError, EnrolmentRefusedError
from pantau_collector.identity import certificates, journal
from pantau_collector.identity.authority import Identities
from pantau_collector.identity.folder import Folder
from pantau_collector.identity.invitations import Invitations
from pantau_wire import enrolment

if TYPE_CHECKING:
    from collections.abc import Callable

DEVICE, VILLAGE = "desa-1", "33.10.25.2007"
VALID = dt.timedelta(hours=48)
NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)


def at(files: Folder, hours: float = 0) -> Invitations:
    """Return the invitations as used some hours from now, through a folder object of their own."""
    mine = Folder(files.path)
    return Invitations(mine, Identities(mine, NOW + dt.timedelta(hours=hours)))


def identities(files: Folder, hours: float = 0) -> Identities:
    return Identities(files, NOW + dt.timedelta(hours=hours))


def invite(files: Folder) -> str:
    return at(files).invite(DEVICE, VILLAGE, VALID)[0]


def public_key() -> certificates.ec.EllipticCurvePublicKey:
    return certificates.new_key().public_key()


def refused(deed: Callable[[], object]) -> str:
    with pytest.raises(EnrolmentRefusedError) as caught:
        deed()
    return caught.value.fault


def test_no_file_holds_the_token_and_only_the_owner_reads_them(files: Folder) -> None:
    token = invite(files)
    for path in files.path.rglob("*"):
        assert path.is_dir() or token.encode() not in path.read_bytes()
    assert stat.S_IMODE(files.invitations.stat().st_mode) == 0o700
    assert stat.S_IMODE(files.invitation(DEVICE).stat().st_mode) == 0o600


def test_the_journal_tells_who_invited_whom_and_what_came_of_it(
    files: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUDO_USER", "sri")
    token, made = at(files).invite(DEVICE, VILLAGE, VALID)
    monkeypatch.setenv("SUDO_USER", "portal")
    at(files, 1).redeem(DEVICE, token, public_key())
    told = journal.read(files.journal)[-2:]
    assert [(entry.action, entry.who, entry.subject, entry.village) for entry in told] == [
        ("invited", "sri", DEVICE, VILLAGE),
        ("issued", "portal", DEVICE, VILLAGE),
    ]
    assert [entry.invitation for entry in told] == [made.id, made.id]
    assert (told[0].at, told[0].ends_at) == (NOW, NOW + VALID)


def test_the_certificate_is_the_devices_and_for_its_key(files: Folder) -> None:
    token, key = invite(files), public_key()
    found = at(files).redeem(DEVICE, token, key)
    certificate = x509.load_pem_x509_certificate((found.certificate or "").encode())
    assert certificate.public_key() == key
    assert certificate.subject.rfc4514_string() == f"CN={DEVICE}"
    assert certificates.is_issued_by(certificate, files.certificate("client"))
    assert [issued.subject for issued in identities(files).certificates() if issued.side == "client"] == [
        DEVICE
    ]


def test_a_lost_answer_is_given_again_to_the_same_key_alone(files: Folder) -> None:
    token, key = invite(files), public_key()
    first = at(files).redeem(DEVICE, token, key)
    again = at(files, 47).redeem(DEVICE, token, key)
    assert again.certificate == first.certificate
    assert refused(lambda: at(files, 1).redeem(DEVICE, token, public_key())) == "used"
    assert refused(lambda: at(files, 48).redeem(DEVICE, token, key)) == "expired"
    assert sum(entry.action == "issued" for entry in journal.read(files.journal)) == 1


def test_of_many_keys_at_once_exactly_one_wins(files: Folder) -> None:
    """Sixteen come in the same moment, each through a folder of its own, as two collectors would."""
    token, start = invite(files), threading.Barrier(16)

    def come(_: int) -> str:
        mine, key = at(files), public_key()
        start.wait()
        try:
            return str(mine.redeem(DEVICE, token, key).certificate)
        except EnrolmentRefusedError as error:
            return error.fault

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        outcomes = sorted(pool.map(come, range(16)))
    assert outcomes[0].startswith("-----BEGIN CERTIFICATE-----")
    assert outcomes[1:] == ["used"] * 15
    assert sum(entry.action == "issued" for entry in journal.read(files.journal)) == 1


@pytest.mark.parametrize("hours", [48, 49, 48 + 29 * 24])
def test_after_its_time_an_invitation_is_refused_and_the_reason_told(files: Folder, hours: float) -> None:
    token = invite(files)
    assert at(files, 47.99).admit(DEVICE, token)
    assert refused(lambda: at(files, hours).redeem(DEVICE, token, public_key())) == "expired"


def test_who_has_not_the_token_learns_nothing_of_the_device(files: Folder) -> None:
    token = invite(files)
    at(files).redeem(DEVICE, token, public_key())
    wrong = enrolment.new_token()
    for hours in (1, 100):
        for device in (DEVICE, "desa-2"):
            assert refused(lambda d=device, h=hours: at(files, h).admit(d, wrong)) == "unknown"
    assert refused(lambda: at(files).admit("desa-2", token)) == "unknown"


def test_a_new_invitation_takes_the_place_of_the_earlier_one(files: Folder) -> None:
    old = invite(files)
    new = invite(files)
    assert refused(lambda: at(files).redeem(DEVICE, old, public_key())) == "unknown"
    assert at(files).redeem(DEVICE, new, public_key()).certificate
    actions = [entry.action for entry in journal.read(files.journal)]
    assert actions[-4:] == ["invited", "uninvited", "invited", "issued"]


def test_a_withdrawn_invitation_opens_nothing(files: Folder) -> None:
    token = invite(files)
    at(files).withdraw(DEVICE)
    assert at(files).open() == []
    assert refused(lambda: at(files).redeem(DEVICE, token, public_key())) == "unknown"
    with pytest.raises(CertificateError, match="desa-1 has no open invitation"):
        at(files).withdraw(DEVICE)


def test_what_was_used_cannot_be_withdrawn_any_more(files: Folder) -> None:
    """Withdrawing would look as if the device were out; revoking is what does that."""
    token = invite(files)
    at(files).redeem(DEVICE, token, public_key())
    with pytest.raises(CertificateError, match="no open invitation"):
        at(files).withdraw(DEVICE)


def test_a_device_with_a_certificate_is_not_invited_nor_enrolled(files: Folder) -> None:
    token = invite(files)
    identities(files).issue("client", DEVICE, public_key())
    assert refused(lambda: at(files).redeem(DEVICE, token, public_key())) == "enrolled"
    with pytest.raises(CertificateError, match="holds a valid certificate: rotate or revoke it instead"):
        invite(files)


def test_a_revoked_certificate_is_never_given_again(files: Folder) -> None:
    token, key = invite(files), public_key()
    at(files).redeem(DEVICE, token, key)
    identities(files, 1).revoke(DEVICE, "key_compromise")
    assert refused(lambda: at(files, 2).redeem(DEVICE, token, key)) == "used"
    assert at(files, 3).invite(DEVICE, VILLAGE, VALID)


def test_power_cut_between_certificate_and_journal_loses_neither(files: Folder) -> None:
    """What was kept but not journalled is journalled before anybody sees it: it can be revoked."""
    token, key = invite(files), public_key()
    before = files.journal.read_bytes()
    first = at(files).redeem(DEVICE, token, key)
    files.journal.write_bytes(before)
    assert at(files, 1).redeem(DEVICE, token, key).certificate == first.certificate
    assert identities(files, 2).revoke(DEVICE) == 1


def test_power_cut_before_the_certificate_was_kept_leaves_the_invitation_open(
    files: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = invite(files)
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(CertificateError, match="No space left on device"):
            at(files).redeem(DEVICE, token, public_key())
    assert [found.device for found in at(files).open()] == [DEVICE]
    assert at(files).redeem(DEVICE, token, public_key()).certificate


def test_a_damaged_journal_keeps_the_token_good(files: Folder) -> None:
    token, good = invite(files), files.journal.read_bytes()
    files.journal.write_bytes(good + b"garbage\n")
    with pytest.raises(CertificateError, match="is damaged"):
        at(files).redeem(DEVICE, token, public_key())
    files.journal.write_bytes(good)
    assert at(files).redeem(DEVICE, token, public_key()).certificate


def test_a_damaged_invitation_is_named(files: Folder) -> None:
    token = invite(files)
    files.invitation(DEVICE).write_text("{")
    with pytest.raises(CertificateError, match=r"desa-1\.json is damaged"):
        at(files).admit(DEVICE, token)


def test_invitations_of_long_ago_are_swept_out(files: Folder) -> None:
    invite(files)
    at(files, 31 * 24 + 23).invite("desa-2", VILLAGE, VALID)
    assert files.invitation(DEVICE).exists()
    at(files, 32 * 24).invite("desa-3", VILLAGE, VALID)
    assert not files.invitation(DEVICE).exists()
