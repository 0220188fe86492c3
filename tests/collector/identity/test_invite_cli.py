"""`pantau-collector devices invite`, `invitations` and `uninvite` as an operator uses them."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import pytest
from tests.fakes.certificates import Authority

from pantau_collector.cli import main
from pantau_collector.identity import certificates
from pantau_collector.identity.folder import Folder
from pantau_wire import enrolment

if TYPE_CHECKING:
    from pathlib import Path

VILLAGE, OTHER = "33.10.25.2007", "33.10.25.2009"
DEVICE = "desa-3310252007-1"
URL = "https://portal.klaten.example.id:8443"


class Desk:
    """An operator's shell; the portal's address and the registry stand in the configuration."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capture = folder, capture
        self.files = Folder(folder / "identity")
        self.config = folder / "collector.toml"
        self.registry = folder / "devices.csv"
        self.configure(f'[enrolment]\nurl = "{URL}"\nbroker_host = "broker.klaten.example.id"\n')
        assert self.ask("ca", "init")[0] == 0

    def configure(self, more: str) -> None:
        self.config.write_text(
            f'[identity]\npath = "{self.files.path}"\n[registry]\npath = "{self.registry}"\n{more}'
        )

    def ask(self, *words: str, lang: str = "en") -> tuple[int, str, str]:
        self._capture.readouterr()
        code = main(["--config", str(self.config), *words, "--lang", lang])
        captured = self._capture.readouterr()
        return code, captured.out, captured.err

    def invite(self, *more: str, device: str = DEVICE, lang: str = "en") -> tuple[int, str, str]:
        return self.ask("devices", "invite", device, "--village", VILLAGE, *more, lang=lang)

    def register(self, village: str = VILLAGE) -> None:
        self.registry.write_text(f"device,village,since\n{DEVICE},{village},2026-01-01T00:00:00+07:00\n")


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(tmp_path, capsys)


def test_the_line_stands_alone_on_standard_output(desk: Desk) -> None:
    desk.register()
    code, out, err = desk.invite()
    assert code == 0
    assert out.count("\n") == 1
    found = enrolment.from_line(out)
    authority = certificates.der(desk.files.certificate("server"))
    assert (found.url, found.device) == (URL, DEVICE)
    assert found.fingerprint == enrolment.fingerprint(authority)
    assert found.token not in err
    assert err.startswith(f"{DEVICE} may enrol once, until 20")
    assert err.splitlines()[1] == "  sudo pantau-agent enroll --token -"
    assert len(err.splitlines()) == 2


def test_it_can_be_kept_in_a_file_for_the_operator_alone(desk: Desk) -> None:
    file = desk.folder / "line.txt"
    code, out, err = desk.invite("--out", str(file))
    assert (code, file.read_text()) == (0, out)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert f"{file} holds the same line" in err


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("en", f"{DEVICE} is not in the registry yet; what it measures waits on the device until"),
        (
            "id",
            f"{DEVICE} belum ada dalam registri; hasil ukurnya menunggu di perangkat sampai",
        ),
    ],
)
def test_a_device_that_the_registry_lacks_is_invited_and_the_next_command_said(
    desk: Desk, lang: str, words: str
) -> None:
    code, _out, err = desk.invite(lang=lang)
    assert code == 0
    assert words in err
    command = f"  pantau-collector registry add {desk.registry} {DEVICE} {VILLAGE}"
    assert command in err.splitlines()
    assert main(command.split()[1:]) == 0
    assert not desk.registry.with_name("nothing").exists()


def test_a_device_that_stands_elsewhere_is_not_invited(desk: Desk) -> None:
    desk.register(OTHER)
    code, out, err = desk.invite()
    assert (code, out) == (1, "")
    assert f"stands in {OTHER} by the registry, not in {VILLAGE}" in err


def test_a_portal_with_a_certificate_of_another_authority_is_known_by_it(desk: Desk) -> None:
    portal = Authority(desk.folder, "public").issue("portal", host="portal.klaten.example.id")
    own = enrolment.fingerprint(certificates.der(certificates.read_certificate(portal.cert.read_bytes())))
    assert enrolment.from_line(desk.invite("--certificate", str(portal.cert))[1]).fingerprint == own
    desk.config.write_text(
        desk.config.read_text() + f'[web]\ncert_file = "{portal.cert}"\nkey_file = "{portal.key}"\n'
    )
    assert enrolment.from_line(desk.invite()[1]).fingerprint == own


def test_a_portal_with_a_certificate_of_ours_is_known_by_our_authority(desk: Desk) -> None:
    """So that the portal's certificate can be renewed while an invitation is on its way."""
    desk.ask("ca", "server", "portal", "--host", "127.0.0.1", "--out", str(desk.folder / "portal"))
    line = desk.invite("--certificate", str(desk.folder / "portal" / "portal.pem"))[1]
    authority = certificates.der(desk.files.certificate("server"))
    assert enrolment.from_line(line).fingerprint == enrolment.fingerprint(authority)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--village", "33.10.25.9999"), "33.10.25.9999 is no village's code: find it with"),
        (("--village", "33.10"), "33.10 is no village's code: find it with"),
        (
            ("--valid", "soon"),
            "--valid soon: write minutes, hours or days, such as 90m, 48h or 7d; at most 30 days",
        ),
        (("--valid", "0h"), "--valid 0h: write"),
        (("--valid", "31d"), "--valid 31d: write"),
        (
            ("--url", "http://a.id"),
            "'http://a.id' is not a portal's address: it is written https://HOST[:PORT]",
        ),
        (("--certificate", "/nowhere.pem"), "cannot read /nowhere.pem: No such file or directory"),
    ],
)
def test_wrong_words_are_named_and_nobody_is_invited(
    desk: Desk, words: tuple[str, ...], complaint: str
) -> None:
    code, out, err = desk.invite(*words)
    assert (code, out) == (1, "")
    assert err.startswith(complaint)
    assert not desk.files.invitations.exists()


@pytest.mark.parametrize("device", ["collector-x", "operator-x", "desa/1", "../desa", "groups"])
def test_an_id_that_cannot_be_a_devices_is_refused(desk: Desk, device: str) -> None:
    assert desk.invite(device=device)[0] == 1
    assert not desk.files.invitations.exists()


def test_without_an_address_nobody_is_invited(desk: Desk) -> None:
    desk.configure("")
    assert desk.invite()[2] == "where is the portal? Give --url https://HOST[:PORT], or set [enrolment] url\n"
    code, out, err = desk.invite("--url", f"{URL}/")
    assert (code, enrolment.from_line(out).url) == (0, URL)
    assert "no portal enrols devices yet: set [enrolment] broker_host" in err


def test_the_open_ones_are_listed_without_their_tokens(desk: Desk) -> None:
    assert desk.ask("devices", "invitations")[1] == "no invitation is open\n"
    line = desk.invite("--valid", "7d")[1]
    desk.invite("--valid", "90m", device="desa-2")
    text = desk.ask("devices", "invitations")[1]
    assert [row.split()[0] for row in text.splitlines()] == ["desa-2", DEVICE]
    found = desk.ask("devices", "invitations", "--json")[1]
    assert [one["device"] for one in json.loads(found)] == ["desa-2", DEVICE]
    assert {*json.loads(found)[0]} == {"device", "village", "who", "made_at", "ends_at", "id"}
    assert enrolment.from_line(line).token not in text + found


def test_an_invitation_can_be_withdrawn_once(desk: Desk) -> None:
    desk.invite()
    assert desk.ask("devices", "uninvite", DEVICE)[:2] == (0, f"the invitation of {DEVICE} is void\n")
    assert desk.ask("devices", "uninvite", DEVICE) == (1, "", f"{DEVICE} has no open invitation\n")
    assert desk.ask("devices", "uninvite", "../x")[0] == 1


@pytest.mark.parametrize(
    ("section", "complaint"),
    [
        ('url = "https://a.id"\n', "broker_host is missing"),
        ('broker_host = "a.id"\nurl = "http://a.id"\n', "is not a portal's address"),
        ('broker_host = "a b"\n', "enrolment.broker_host"),
    ],
)
def test_half_a_configuration_is_refused(desk: Desk, section: str, complaint: str) -> None:
    desk.configure(f"[enrolment]\n{section}")
    code, _out, err = desk.invite()
    assert code == 2
    assert complaint in err
