"""`pantau-collector ca`, `devices` and `broker-config` as an operator uses them."""

from __future__ import annotations

import json
import ssl
import stat
import tomllib
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from pantau_collector.cli import main
from pantau_collector.identity import certificates, journal
from pantau_collector.identity.folder import Folder
from pantau_collector.registry import reader

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., int]

VILLAGE = "33.10.25.2007"
DEVICE = "desa-3310252007-1"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a command on fresh authorities, in English unless told otherwise."""

    def command(*words: str, lang: str = "en") -> int:
        return main([*words, "--folder", str(tmp_path / "identity"), "--lang", lang])

    assert command("ca", "init") == 0
    return command


def enroll(run: Run, tmp_path: Path, *more: str, village: str = VILLAGE) -> int:
    registry = str(tmp_path / "devices.csv")
    out = str(tmp_path / "out")
    return run("devices", "enroll", DEVICE, "--village", village, "--registry", registry, "--out", out, *more)


def test_enrolling_places_the_device_and_hands_over_three_files(run: Run, tmp_path: Path) -> None:
    assert enroll(run, tmp_path) == 0
    placement = reader.examine(tmp_path / "devices.csv")[0].current(DEVICE)
    assert placement is not None
    assert placement.village == VILLAGE
    files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "out").iterdir()}
    assert files == {f"{DEVICE}.pem": 0o644, f"{DEVICE}.key": 0o600, "ca.pem": 0o644}
    context = ssl.create_default_context(cafile=str(tmp_path / "out" / "ca.pem"))
    context.load_cert_chain(tmp_path / "out" / f"{DEVICE}.pem", tmp_path / "out" / f"{DEVICE}.key")
    (entry,) = [found for found in journal.read(Folder(tmp_path / "identity").journal) if found.village]
    assert (entry.subject, entry.village) == (DEVICE, VILLAGE)


def test_a_key_made_on_the_device_never_travels(run: Run, tmp_path: Path) -> None:
    key = certificates.new_key()
    subject = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, DEVICE)])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    file = tmp_path / "request.pem"
    file.write_bytes(request.public_bytes(serialization.Encoding.PEM))
    assert enroll(run, tmp_path, "--request", str(file)) == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {f"{DEVICE}.pem", "ca.pem"}
    issued = x509.load_pem_x509_certificate((tmp_path / "out" / f"{DEVICE}.pem").read_bytes())
    assert issued.public_key() == key.public_key()


@pytest.mark.parametrize(
    ("lang", "message"),
    [
        ("en", "holds a valid certificate: rotate or revoke it instead"),
        ("id", "memegang sertifikat yang berlaku: perbarui atau cabut saja"),
    ],
)
def test_a_device_is_enrolled_once(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], lang: str, message: str
) -> None:
    assert enroll(run, tmp_path) == 0
    for path in (tmp_path / "out").iterdir():
        path.unlink()
    out = str(tmp_path / "out")
    registry = str(tmp_path / "devices.csv")
    words = ("devices", "enroll", DEVICE, "--village", VILLAGE, "--registry", registry, "--out", out)
    assert run(*words, lang=lang) == 1
    assert capsys.readouterr().err == f"{DEVICE} {message}\n"
    assert not (tmp_path / "out" / f"{DEVICE}.pem").exists()


def test_a_device_that_stands_elsewhere_is_not_moved_by_the_way(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert enroll(run, tmp_path) == 0
    assert enroll(run, tmp_path, village="33.10.25.2009") == 1
    assert f"stands in {VILLAGE} by the registry, not in 33.10.25.2009" in capsys.readouterr().err


@pytest.mark.parametrize("device", ["collector-x", "operator-x", "desa/1", "groups"])
def test_a_reserved_or_impossible_id_is_refused_before_anything_is_written(
    run: Run, tmp_path: Path, device: str, capsys: pytest.CaptureFixture[str]
) -> None:
    registry = tmp_path / "devices.csv"
    words = ("devices", "enroll", device, "--village", VILLAGE, "--registry", str(registry))
    assert run(*words, "--out", str(tmp_path / "out")) == 1
    assert "device id" in capsys.readouterr().err
    assert not registry.exists()


def test_a_revoked_device_can_be_enrolled_anew(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert enroll(run, tmp_path) == 0
    assert run("devices", "revoke", DEVICE, "--reason", "key_compromise") == 0
    for path in (tmp_path / "out").iterdir():
        path.unlink()
    assert enroll(run, tmp_path) == 0
    capsys.readouterr()
    assert run("devices", "list", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [(issued["subject"], issued["reason"]) for issued in found] == [
        (DEVICE, "key_compromise"),
        (DEVICE, None),
    ]


def test_status_is_0_when_all_is_well(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("ca", "status") == 0
    assert "certificates: 0 valid, 0 revoked" in capsys.readouterr().out


def test_a_broker_without_a_collector_would_serve_nobody(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "broker")
    assert run("broker-config", "--host", "127.0.0.1", "--out", out) == 1
    assert "no collector has a certificate" in capsys.readouterr().err
    assert run("ca", "collector", "a", "--out", str(tmp_path / "collector")) == 0
    assert run("broker-config", "--host", "127.0.0.1", "--out", out) == 0
    assert "user collector-a" in (tmp_path / "broker" / "acl").read_text()


def test_an_operator_s_certificate_comes_with_the_lines_to_use_it(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "siti"
    assert run("ca", "operator", "siti", "--out", str(out)) == 0
    said = capsys.readouterr().out
    lines = tomllib.loads(said[said.index("[broker]") :])["broker"]
    context = ssl.create_default_context(cafile=lines["ca_file"])
    context.load_cert_chain(lines["cert_file"], lines["key_file"])
    assert run("ca", "operator", "a/b", "--out", str(out)) == 1
    assert "'a/b' is no name: letters, digits and . _ - only" in capsys.readouterr().err


def test_the_access_list_is_written_anew_and_the_broker_keeps_its_certificate(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who came is let in, who was revoked is not; other hosts would need another certificate."""
    out, broker = str(tmp_path / "broker"), tmp_path / "broker" / "broker.pem"
    for name in ("a", "b"):
        run("ca", "collector", name, "--out", str(tmp_path / name))
    assert run("broker-config", "--host", "127.0.0.1", "--out", out) == 0
    before = broker.read_bytes()
    run("devices", "revoke", "collector-b")
    run("ca", "operator", "siti", "--out", str(tmp_path / "siti"))
    assert run("broker-config", "--host", "127.0.0.1", "--out", out) == 0
    acl = (tmp_path / "broker" / "acl").read_text()
    assert [line for line in acl.splitlines() if line.startswith("user ")] == [
        "user collector-a",
        "user operator-siti",
    ]
    assert broker.read_bytes() == before
    capsys.readouterr()
    assert run("broker-config", "--host", "broker.example.id", "--out", out) == 1
    assert "broker.pem is for 127.0.0.1: name the same hosts" in capsys.readouterr().err


def test_nothing_works_before_the_authorities_are_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ca", "status", "--folder", str(tmp_path / "none"), "--lang", "en"]) == 1
    assert "run pantau-collector ca init first" in capsys.readouterr().err
