"""`pantau-agent enroll --token`: the program itself against real portals, and what may go wrong there."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import io
import os
import ssl
import stat
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from structlog.testing import capture_logs
from tests.fakes.brokers import free_port
from tests.fakes.certificates import Authority
from tests.fakes.enrolling import DEVICE, VILLAGE, Office, serving

from pantau_agent import cli
from pantau_agent.enrolment import joining, portal, refusals
from pantau_agent.errors import EnrolmentError
from pantau_collector.identity import certificates, folder
from pantau_collector.web.tls import ServerCertificate
from pantau_wire import enrolment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PROGRAM = Path(sys.executable).with_name("pantau-agent")


class Device:
    """A device with its state folder, and the program on it."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.identity = state / "identity"
        self.config = state / "agent.toml"
        self.config.write_text(f'[spool]\npath = "{state}/spool.db"\n')

    async def enroll(
        self, line: str, *words: str, lang: str = "en", wrapper: tuple[str, ...] | None = None
    ) -> tuple[int, str, str]:
        """Enrol with the line on standard input: here, or with a `wrapper` in a process of its own."""
        arguments = ["--config", str(self.config), "enroll", *(words or ("--token", "-"))]
        if wrapper is not None:
            return await asyncio.to_thread(self._program, [*wrapper, str(PROGRAM), *arguments], line)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("LANGUAGE", lang)
            patch.setattr("sys.stdin", io.StringIO(line))
            out, err = io.StringIO(), io.StringIO()
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), capture_logs():
                code = await asyncio.to_thread(cli.main, arguments)
        return code, out.getvalue(), err.getvalue()

    def _program(self, command: list[str], line: str) -> tuple[int, str, str]:
        environment = {**os.environ, "LANGUAGE": "en", "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            command, input=line, capture_output=True, text=True, timeout=120, env=environment
        )
        return done.returncode, done.stdout, done.stderr

    async def refused(self, line: str, *, lang: str = "en") -> str:
        """Enrol what must not pass; return the last line that is said. No certificate may be in place."""
        code, out, err = await self.enroll(line, lang=lang)
        assert (code, out) == (2, ""), err
        assert "Traceback" not in err
        assert not (self.identity / f"{DEVICE}.pem").exists()
        return err.splitlines()[-1].removeprefix("pantau-agent: ")

    def mode(self, name: str) -> int:
        return stat.S_IMODE((self.identity / name).stat().st_mode)


@pytest.fixture
def device(tmp_path: Path) -> Device:
    (tmp_path / "device").mkdir()
    return Device(tmp_path / "device")


@pytest.fixture
def office(tmp_path: Path) -> Office:
    (tmp_path / "office").mkdir()
    return Office(tmp_path / "office")


@contextlib.asynccontextmanager
async def portal_of(office: Office) -> AsyncIterator[str]:
    """Yield the address of a portal with a certificate of our own authority."""
    async with serving(office.portal(), office.certificate()) as url:
        yield url


@pytest.mark.parametrize("how", ["-", "line", "file"])
async def test_from_a_line_to_files_and_configuration(
    office: Office, device: Device, tmp_path: Path, how: str
) -> None:
    async with portal_of(office) as url:
        line = office.line(url, office.invite())
        file = tmp_path / "line.txt"
        file.write_text(f"{line}\n")
        words = {"-": ("--token", "-"), "line": ("--token", line), "file": ("--token-file", str(file))}[how]
        code, out, err = await device.enroll(f"{line}\n", *words, wrapper=())
    assert code == 0, err
    assert f"It stands in village {VILLAGE}." in err
    told = tomllib.loads(out)
    assert told["device"] == DEVICE
    assert (told["broker"]["host"], told["broker"]["port"]) == ("broker.example.id", 8883)
    context = ssl.create_default_context(cafile=told["broker"]["ca_file"])
    context.load_cert_chain(told["broker"]["cert_file"], told["broker"]["key_file"])
    assert sorted(path.name for path in device.identity.iterdir()) == [
        "ca.pem",
        f"{DEVICE}.key",
        f"{DEVICE}.pem",
    ]
    assert (device.mode(f"{DEVICE}.key"), device.mode(f"{DEVICE}.pem")) == (0o600, 0o644)
    assert stat.S_IMODE(device.identity.stat().st_mode) == 0o700


async def test_who_runs_it_again_gets_the_same_certificate(office: Office, device: Device) -> None:
    """The lines for agent.toml were lost, say: the same invitation shows them again."""
    async with portal_of(office) as url:
        line = office.line(url, office.invite())
        first = await device.enroll(line)
        kept = (device.identity / f"{DEVICE}.pem").read_bytes()
        again = await device.enroll(line)
    assert first[:2] == again[:2]
    assert first[0] == 0
    assert (device.identity / f"{DEVICE}.pem").read_bytes() == kept
    assert office.issued() == [DEVICE]


async def test_a_certificate_of_the_portal_s_own_can_be_what_is_known(
    office: Office, device: Device, tmp_path: Path
) -> None:
    """Behind a proxy with a certificate of any authority, under any name."""
    files = Authority(tmp_path, "public").issue("proxy", host="elsewhere.example.id")
    own = certificates.der(certificates.read_certificate(files.cert.read_bytes()))
    async with serving(office.portal(), ServerCertificate(files.cert, files.key)) as url:
        code, _out, err = await device.enroll(office.line(url, office.invite(), own))
    assert code == 0, err


class Cutting:
    """A relay before the portal that hangs up instead of bringing the answer with the certificate."""

    def __init__(self, office: Office, port: int, cuts: int) -> None:
        self.office, self.port, self.cuts = office, port, cuts

    async def relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream, down = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            await asyncio.gather(self._copy(reader, down), self._copy(upstream, writer, back=True))
        finally:
            writer.transport.abort()
            down.transport.abort()

    async def _copy(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, back: bool = False
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65_536):
                if back and self.cuts and self.office.issued():
                    self.cuts -= 1
                    sink.transport.abort()
                    return
                sink.write(data)
            sink.close()


@contextlib.asynccontextmanager
async def cutting(office: Office, cuts: int) -> AsyncIterator[str]:
    async with portal_of(office) as url:
        relay = Cutting(office, int(url.rpartition(":")[2]), cuts)
        listener = await asyncio.start_server(relay.relay, "127.0.0.1", 0)
        async with listener:
            yield f"https://127.0.0.1:{listener.sockets[0].getsockname()[1]}"


async def test_a_link_that_is_cut_after_the_issue_costs_nothing(office: Office, device: Device) -> None:
    async with cutting(office, cuts=1) as url:
        code, _out, err = await device.enroll(office.line(url, office.invite()))
    assert code == 0, err
    assert office.issued() == [DEVICE]


async def test_a_link_that_stays_away_is_made_good_by_the_same_command_later(
    office: Office, device: Device
) -> None:
    async with cutting(office, cuts=3) as url:
        line = office.line(url, office.invite())
        assert "Run the same command again" in await device.refused(line)
        key = (device.identity / f".{DEVICE}.key.pending").read_bytes()
        code, _out, err = await device.enroll(line)
    assert code == 0, err
    assert (device.identity / f"{DEVICE}.key").read_bytes() == key
    assert office.issued() == [DEVICE]


MESSAGES = {
    "expired": (
        "the invitation has expired: ask the operator for a new line",
        "undangan sudah kedaluwarsa: mintalah baris baru kepada operator",
    ),
    "unknown": (
        "the portal does not know this invitation: it was withdrawn, or replaced by a newer one.",
        "portal tidak mengenal undangan ini: sudah ditarik, atau diganti dengan yang lebih baru.",
    ),
    "used": ("the invitation was used already, by another key.", "undangan sudah dipakai, oleh kunci lain."),
    "enrolled": (
        "this device has a valid certificate already.",
        "perangkat ini sudah mempunyai sertifikat yang berlaku.",
    ),
    "fingerprint": ("is NOT the portal of the invitation:", "BUKAN portal dalam undangan:"),
}


async def line_of(fault: str, office: Office, url: str, tmp_path: Path) -> str:
    """Return a line whose portal answers with that fault."""
    if fault == "fingerprint":
        (tmp_path / "sleman").mkdir()
        other = Office(tmp_path / "sleman").files.certificate("server")
        return office.line(url, office.invite(), certificates.der(other))
    token = office.invite(valid=dt.timedelta(seconds=0 if fault == "expired" else 3600))
    if fault == "unknown":
        office.withdraw()
    if fault == "used":
        elsewhere = Device(tmp_path / "other")
        assert (await elsewhere.enroll(office.line(url, token)))[0] == 0
    if fault == "enrolled":
        office.identities.issue("client", DEVICE, certificates.new_key().public_key())
    return office.line(url, token)


@pytest.mark.parametrize("fault", MESSAGES)
async def test_each_refusal_says_what_to_do_in_both_languages(
    office: Office, device: Device, tmp_path: Path, fault: str
) -> None:
    (tmp_path / "other").mkdir()
    async with portal_of(office) as url:
        line = await line_of(fault, office, url, tmp_path)
        english, indonesian = await device.refused(line), await device.refused(line, lang="id")
    assert MESSAGES[fault][0] in english
    assert MESSAGES[fault][1] in indonesian
    assert enrolment.from_line(line).token not in english + indonesian


async def test_nobody_is_at_that_address(office: Office, device: Device) -> None:
    line = office.line(f"https://127.0.0.1:{free_port()}", office.invite())
    assert "cannot be reached: Connection refused. Check cable" in await device.refused(line)
    assert "tidak dapat dijangkau: Connection refused. Periksa kabel" in await device.refused(line, lang="id")
    line = office.line("https://portal.invalid", office.invite())
    assert (await device.refused(line)).startswith("portal.invalid has no address: ")


async def no_tls(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer as a web server without TLS does."""
    writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
    await writer.drain()
    writer.close()


async def test_something_else_answers_there(office: Office, device: Device) -> None:
    async with await asyncio.start_server(no_tls, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        said = await device.refused(office.line(f"https://127.0.0.1:{port}", office.invite()))
    assert "does not speak TLS" in said
    async with serving(office.portal(desk=False), office.certificate()) as url:
        said = await device.refused(office.line(url, office.invite()))
    assert "enrols no devices: ask the operator to set [enrolment] there" in said
    async with serving(office.portal(), office.certificate("localhost")) as url:
        said = await device.refused(office.line(url, office.invite()))
    assert (
        said == "the portal's certificate is for another name than 127.0.0.1: ask the operator for a new line"
    )


async def test_a_portal_in_between_never_sees_the_token(
    office: Office, device: Device, tmp_path: Path
) -> None:
    """It has a certificate for the right name, and tells the right authority; its own key is another."""
    files = Authority(tmp_path, "evil").issue("evil", host="127.0.0.1")
    token = office.invite()
    async with serving(office.portal(), ServerCertificate(files.cert, files.key)) as url:
        said = await device.refused(office.line(url, token))
    assert said.startswith("the portal's certificate cannot be trusted (")
    assert office.issued() == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda line: line[:-1] + ("a" if line[-1] != "a" else "b"), "a letter of the line is wrong"),
        (lambda line: line[:60], "this is no line of an invitation"),
        (lambda _: "", "this is no line of an invitation"),
        (lambda line: line.replace("#", "\N{SNOWMAN}"), "this is no line of an invitation"),
    ],
)
async def test_a_line_that_was_copied_wrongly_asks_nobody(
    office: Office, device: Device, change: object, words: str
) -> None:
    assert words in await device.refused(change(office.line("https://portal.invalid", office.invite())))
    assert not device.identity.exists()


def test_a_clock_of_1970_is_refused_before_the_token_is_sent(office: Office, device: Device) -> None:
    """The portal's time stands in the command that sets the clock."""
    now = dt.datetime(1970, 1, 1, 0, 5, tzinfo=dt.UTC)

    async def run() -> str:
        async with portal_of(office) as url:
            invitation = enrolment.from_line(office.line(url, office.invite()))
            with pytest.raises(EnrolmentError) as caught:
                await asyncio.to_thread(joining.enrol, invitation, device.identity, now=now, note=print)
        return str(caught.value)

    said = asyncio.run(run())
    today = f"{dt.datetime.now(dt.UTC):%Y-%m-%d}"
    assert "this device's clock says 1970-01-01 00:05 UTC" in said
    assert f"sudo date -u -s '{today} " in said
    assert office.issued() == []


async def test_dates_that_do_not_fit_are_the_clocks_fault_only_where_it_is_off(
    office: Office, tmp_path: Path
) -> None:
    key, later = certificates.new_key(), dt.datetime.now(dt.UTC) + dt.timedelta(days=3)
    future = certificates.issue(
        office.files.authority("server"),
        "server",
        "portal",
        key.public_key(),
        now=later,
        days=9,
        hosts=["127.0.0.1"],
    )
    paths = tmp_path / "f.pem", tmp_path / "f.key"
    folder.write(paths[0], certificates.certificate_pem(future))
    folder.write(paths[1], certificates.key_pem(key), private=True)
    async with serving(office.portal(), ServerCertificate(*paths)) as url:
        invitation = enrolment.from_line(office.line(url, office.invite()))
        asking = portal.Portal(invitation)
        await asyncio.to_thread(asking.meet)
        request = enrolment.EnrolmentRequest(DEVICE, invitation.token, "x")
        with pytest.raises(EnrolmentError, match=r"cannot be trusted .*not yet valid"):
            await asyncio.to_thread(asking.enrol, request)
        asking.time = later
        with pytest.raises(EnrolmentError, match=f"Set it with sudo date -u -s '{later:%Y-%m-%d}"):
            await asyncio.to_thread(asking.enrol, request)
    assert office.issued() == []


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (200, b"<html>", "is no portal of Pantau's"),
        (302, b"", "is no portal of Pantau's"),
        (429, b'{"type": "about:blank"}', "wait 7 seconds"),
        (421, b"{}", "adds that name to web.allowed_hosts"),
        (500, b'{"detail": "x\\u001b[31m"}', "refuses with status 500 (x[31m)"),
        (429, b'{"type": "urn:pantau:enrolment:too_often"}', "too many attempts from this network: wait 7"),
        (503, b'{"type": "urn:pantau:enrolment:unavailable"}', "the invitation is still good"),
    ],
)
def test_other_answers_are_told_without_harm_to_the_terminal(status: int, body: bytes, words: str) -> None:
    assert words in str(refusals.refused("portal.example.id", status, body, "7"))


WITHOUT_ROOT = ("unshare", "--user", "--map-user=1000", "--map-group=1000")
"""Another id and no capabilities, for files that are ours to this process (user_namespaces(7))."""


def namespaces() -> bool:
    return subprocess.run([*WITHOUT_ROOT, "true"], capture_output=True).returncode == 0


async def test_without_root_where_the_state_folder_is_the_users(
    office: Office, device: Device, tmp_path: Path
) -> None:
    if os.geteuid() == 0 and not namespaces():
        pytest.skip("this kernel gives no user namespaces")
    wrapper = WITHOUT_ROOT if os.geteuid() == 0 else ()
    theirs = tmp_path / "theirs"
    theirs.mkdir(mode=0o500)
    if wrapper:
        os.chown(theirs, 4711, 4711)
    async with portal_of(office) as url:
        line = office.line(url, office.invite())
        elsewhere = ("--token", "-", "--out", str(theirs / "identity"))
        refused = await device.enroll(line, *elsewhere, wrapper=wrapper)
        code, _out, err = await device.enroll(line, wrapper=wrapper)
    assert refused[0] == 2
    assert "use sudo, or name a folder of yours with --out" in refused[2]
    assert code == 0, err
    assert device.mode(f"{DEVICE}.key") == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
async def test_what_root_makes_belongs_to_the_owner_of_the_state_folder(
    office: Office, device: Device
) -> None:
    """The service's own user must read it."""
    os.chown(device.state, 4711, 4711)
    async with portal_of(office) as url:
        code, _out, err = await device.enroll(office.line(url, office.invite()))
    assert code == 0, err
    owners = {path.stat().st_uid for path in (device.identity, *device.identity.iterdir())}
    assert owners == {4711}


async def test_the_key_never_leaves_the_device(office: Office, device: Device) -> None:
    async with portal_of(office) as url:
        await device.enroll(office.line(url, office.invite()))
    key = (device.identity / f"{DEVICE}.key").read_bytes()
    for path in office.path.rglob("*"):
        assert path.is_dir() or key not in path.read_bytes()
    found = x509.load_pem_x509_certificate((device.identity / f"{DEVICE}.pem").read_bytes())
    assert found.subject.rfc4514_string() == f"CN={DEVICE}"
