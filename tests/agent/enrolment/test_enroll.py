"""`pantau-agent enroll` with the real other side, `pantau-collector devices enroll`; what must not pass."""

from __future__ import annotations

import ssl
import stat
import subprocess
import tomllib
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from tests.fakes.certificates import Authority

from pantau_agent import cli
from pantau_agent.config import load
from pantau_collector.cli import main as collector

if TYPE_CHECKING:
    from pathlib import Path

DEVICE = "desa-3310252007-1"
VILLAGE = "33.10.25.2007"
WRONG_AUTHORITY = (
    "the certificate belongs to the authority 'Klaten servers', this is '{}': take the ca.pem beside it"
)


class Office:
    """The operator's machine: authorities, and what is sent back."""

    def __init__(self, folder: Path, name: str = "Klaten") -> None:
        self.folder = folder
        folder.mkdir()
        self.identity = folder / "identity"
        self.run("ca", "init", "--name", name)

    def run(self, *words: str) -> None:
        assert collector([*words, "--folder", str(self.identity), "--lang", "en"]) == 0

    def enroll(self, request: Path, device: str = DEVICE) -> Path:
        """Certify the request; return the folder that goes back to the device."""
        out, registry = self.folder / f"for-{device}", str(self.folder / "devices.csv")
        words = ["--village", VILLAGE, "--registry", registry, "--request", str(request), "--out", str(out)]
        self.run("devices", "enroll", device, *words)
        return out


class Technician:
    """The device's side."""

    def __init__(self, folder: Path) -> None:
        self.keys = folder / "keys"

    def ask(self, *words: str, device: str = DEVICE) -> int:
        return cli.main(["enroll", "--out", str(self.keys), "--device", device, *words])

    def install(self, back: Path, *words: str, certificate: str = "", authority: str = "ca.pem") -> int:
        files = [str(back / (certificate or f"{DEVICE}.pem")), "--authority", str(back / authority)]
        return cli.main(["enroll", "--install", str(self.keys), "--certificate", *files, *words])


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGUAGE", "en")


@pytest.fixture
def technician(tmp_path: Path) -> Technician:
    return Technician(tmp_path)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path / "office")


def test_from_nothing_to_a_configuration_that_speaks_tls(
    office: Office, technician: Technician, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert technician.ask() == 0
    back = office.enroll(technician.keys / f"{DEVICE}.csr")
    assert [path.name for path in sorted(back.iterdir())] == ["ca.pem", f"{DEVICE}.pem"]
    capsys.readouterr()
    assert technician.install(back) == 0
    file = tmp_path / "agent.toml"
    file.write_text(capsys.readouterr().out)
    config = load(file)
    assert config.device == DEVICE
    assert config.broker.port == 8883
    context = ssl.create_default_context(cafile=str(config.broker.ca_file))
    context.load_cert_chain(str(config.broker.cert_file), str(config.broker.key_file))
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in technician.keys.iterdir()}
    assert modes == {
        f"{DEVICE}.key": 0o600,
        f"{DEVICE}.csr": 0o644,
        f"{DEVICE}.pem": 0o644,
        "ca.pem": 0o644,
    }
    assert stat.S_IMODE(technician.keys.stat().st_mode) == 0o700


def test_the_request_is_what_openssl_expects_of_one(technician: Technician) -> None:
    """An operator with another authority than ours signs it as well."""
    assert technician.ask() == 0
    request = technician.keys / f"{DEVICE}.csr"
    command = ["openssl", "req", "-in", str(request), "-noout", "-verify", "-subject", "-text"]
    try:
        shown = subprocess.run(command, capture_output=True, text=True, check=True)
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    assert DEVICE in shown.stdout
    assert "prime256v1" in shown.stdout
    key = serialization.load_pem_private_key((technician.keys / f"{DEVICE}.key").read_bytes(), None)
    assert x509.load_pem_x509_csr(request.read_bytes()).public_key() == key.public_key()


def test_the_advice_names_the_commands_that_come_next(
    technician: Technician, capsys: pytest.CaptureFixture[str]
) -> None:
    technician.ask()
    assert capsys.readouterr().out.splitlines() == [
        f"pantau-collector devices enroll {DEVICE} --village CODE --request {DEVICE}.csr --out {DEVICE}",
        f"pantau-agent enroll --install {technician.keys} --certificate {DEVICE}.pem --authority ca.pem",
    ]


def test_in_indonesian(
    technician: Technician, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANGUAGE", "id")
    technician.ask()
    assert "kunci perangkat ini" in capsys.readouterr().err


def test_the_device_of_the_configuration_is_taken(technician: Technician, tmp_path: Path) -> None:
    config = tmp_path / "agent.toml"
    config.write_text('device = "desa-7"\n')
    assert cli.main(["--config", str(config), "enroll", "--out", str(technician.keys)]) == 0
    assert (technician.keys / "desa-7.key").exists()


def test_a_key_that_is_there_is_not_replaced(
    technician: Technician, capsys: pytest.CaptureFixture[str]
) -> None:
    technician.ask()
    before = (technician.keys / f"{DEVICE}.key").read_bytes()
    assert technician.ask() == 2
    assert "is there already: choose another folder" in capsys.readouterr().err
    assert (technician.keys / f"{DEVICE}.key").read_bytes() == before


@pytest.mark.parametrize("device", ["collector-x", "desa/1", "groups", "../desa-1"])
def test_an_id_that_cannot_be_a_device_s_makes_no_key(technician: Technician, device: str) -> None:
    assert technician.ask(device=device) == 2
    assert not technician.keys.exists()


def refused(
    technician: Technician, capsys: pytest.CaptureFixture[str], back: Path, *words: str, **files: str
) -> str:
    """Install what must not pass; return what is said. Nothing may have been put in place."""
    before = {path.name: path.read_bytes() for path in technician.keys.iterdir()}
    capsys.readouterr()
    assert technician.install(back, *words, **files) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert {path.name: path.read_bytes() for path in technician.keys.iterdir()} == before
    return said.err.removeprefix("pantau-agent: ").strip()


def test_the_certificate_of_another_request(
    office: Office, technician: Technician, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    technician.ask()
    other = Technician(tmp_path / "other")
    other.ask()
    back = office.enroll(other.keys / f"{DEVICE}.csr")
    assert refused(technician, capsys, back).endswith("it answers another request")


def test_the_certificate_of_another_device(
    office: Office, technician: Technician, capsys: pytest.CaptureFixture[str]
) -> None:
    technician.ask(device="desa-2")
    back = office.enroll(technician.keys / "desa-2.csr", "desa-2")
    said = refused(technician, capsys, back, "--device", DEVICE, certificate="desa-2.pem")
    assert said == f"the certificate is for desa-2, not for {DEVICE}"


def test_a_certificate_without_its_key(
    office: Office, technician: Technician, capsys: pytest.CaptureFixture[str]
) -> None:
    technician.ask()
    back = office.enroll(technician.keys / f"{DEVICE}.csr")
    (technician.keys / f"{DEVICE}.key").unlink()
    assert refused(technician, capsys, back).startswith(f"there is no key {technician.keys / DEVICE}.key")


def test_the_devices_authority_in_place_of_the_servers(
    office: Office, technician: Technician, capsys: pytest.CaptureFixture[str]
) -> None:
    """With it no broker would be believed."""
    technician.ask()
    back = office.enroll(technician.keys / f"{DEVICE}.csr")
    said = refused(technician, capsys, back, authority=str(office.identity / "client-ca.pem"))
    assert said == WRONG_AUTHORITY.format("Klaten clients")


def test_the_authority_of_another_region(
    office: Office, technician: Technician, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    technician.ask()
    back = office.enroll(technician.keys / f"{DEVICE}.csr")
    stranger = Office(tmp_path / "sleman", "Sleman").identity / "server-ca.pem"
    said = refused(technician, capsys, back, authority=str(stranger))
    assert said == WRONG_AUTHORITY.format("Sleman servers")


def test_a_certificate_for_an_authority(
    office: Office, technician: Technician, capsys: pytest.CaptureFixture[str]
) -> None:
    technician.ask()
    back = office.enroll(technician.keys / f"{DEVICE}.csr")
    said = refused(technician, capsys, back, authority=f"{DEVICE}.pem")
    assert said == "--authority is no certificate of an authority: it may not sign others"


def test_a_server_s_certificate(
    office: Office, technician: Technician, capsys: pytest.CaptureFixture[str]
) -> None:
    out = office.folder / "server"
    office.run("ca", "server", DEVICE, "--host", "127.0.0.1", "--out", str(out))
    technician.keys.mkdir()
    (technician.keys / f"{DEVICE}.key").write_bytes((out / f"{DEVICE}.key").read_bytes())
    assert refused(technician, capsys, out) == "the certificate is a server's, not a device's"


@pytest.mark.parametrize(
    ("days", "outcome"),
    [
        ((-9, -1), (2, "the certificate expired on ")),
        ((2, 9), (0, "the clock of this device seems to be behind")),
        ((-1, 9), (0, "has its certificate, until ")),
    ],
    ids=["expired", "not yet valid", "good"],
)
def test_the_dates_of_a_certificate_of_another_authority(
    technician: Technician, tmp_path: Path, capsys: pytest.CaptureFixture[str], days: tuple, outcome: tuple
) -> None:
    """Without clock battery a device may lie years back: that keeps nobody from installing."""
    code, words = outcome
    issued = Authority(tmp_path).issue(DEVICE, from_days=days[0], to_days=days[1])
    technician.keys.mkdir()
    issued.key.rename(technician.keys / issued.key.name)
    (technician.keys / issued.key.name).chmod(0o644)
    assert technician.install(tmp_path) == code
    assert words in capsys.readouterr().err
    mode = stat.S_IMODE((technician.keys / issued.key.name).stat().st_mode)
    assert mode == (0o644 if code else 0o600)


@pytest.mark.parametrize("content", [None, b"", b"\xff\x00", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END"])
def test_what_is_no_certificate(
    technician: Technician, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None
) -> None:
    technician.ask()
    if content is not None:
        (tmp_path / f"{DEVICE}.pem").write_bytes(content)
    said = refused(technician, capsys, tmp_path)
    expected = "is no certificate in PEM" if content is not None else "No such file or directory"
    assert said.endswith(expected)


def test_a_damaged_key(office: Office, technician: Technician, capsys: pytest.CaptureFixture[str]) -> None:
    technician.ask()
    back = office.enroll(technician.keys / f"{DEVICE}.csr")
    (technician.keys / f"{DEVICE}.key").write_text("nonsense")
    assert refused(technician, capsys, back).endswith("is no private key in PEM without password")


def test_half_an_order_is_answered(technician: Technician, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["enroll", "--install", str(technician.keys)]) == 2
    assert "--install needs --certificate and --authority" in capsys.readouterr().err


def test_the_lines_are_toml_whatever_the_folder_is_called(
    office: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    technician = Technician(tmp_path / 'a "quoted" désa')
    technician.ask()
    back = office.enroll(technician.keys / f"{DEVICE}.csr")
    capsys.readouterr()
    assert technician.install(back) == 0
    lines = tomllib.loads(capsys.readouterr().out)
    assert lines["broker"]["key_file"] == str(technician.keys / f"{DEVICE}.key")
