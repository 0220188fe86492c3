"""`pantau-collector config keygen|sign|show|publish`, as an operator types it."""

from __future__ import annotations

import io
import json
import stat
from typing import TYPE_CHECKING

import pytest
from tests.fakes import brokers

from pantau_collector.cli import main
from pantau_wire import codec, signing

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = '[latency]\nperiod_s = 30\n[[latency.targets]]\ntarget = "gateway"\n[speed]\ntests_per_day = 8\n'


class Desk:
    """An operator's shell and folder."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capture = capture
        self.key = folder / "operator.pem"
        self.collector = folder / "collector.toml"
        self.collector.write_text("")

    def ask(self, *words: object) -> tuple[int, str, str]:
        """Run a command; return its exit code, what it printed, and what it noted beside."""
        self._capture.readouterr()
        code = main(["--config", str(self.collector), "config", *map(str, words)])
        captured = self._capture.readouterr()
        return code, captured.out, captured.err

    def write(self, name: str, text: str) -> Path:
        file = self.folder / name
        file.write_text(text)
        return file

    def sign(self, settings: str = SETTINGS, *more: str, **changes: object) -> tuple[int, str, str]:
        words = {"audience": "device:desa-1", "version": 3, "key": self.key, **changes}
        options = [part for name, value in words.items() for part in (f"--{name}", value)]
        return self.ask("sign", *options, "--settings", self.write("settings.toml", settings), *more)

    def signed(self, **changes: object) -> Path:
        code, out, err = self.sign(**changes)
        assert code == 0, err
        return self.write("message.json", out)


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("LANGUAGE", "en")
    made = Desk(tmp_path, capsys)
    made.key.write_text(signing.new_private_pem())
    return made


def public_key(desk: Desk) -> str:
    return signing.public_key_of(desk.key.read_text())


def test_keygen_makes_a_key_for_its_owner_and_the_line_for_the_devices(desk: Desk) -> None:
    """The private key is never printed, readable by nobody else, and never written over another."""
    file = desk.folder / "new.pem"
    code, out, err = desk.ask("keygen", "--out", file)
    assert code == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert out == f'[remote]\npublic_key = "{signing.public_key_of(file.read_text())}"\n'
    assert "readable by you only" in err
    assert file.read_text().splitlines()[1] not in out + err
    before = file.read_text()
    code, out, err = desk.ask("keygen", "--out", file)
    assert (code, out, err) == (2, "", f"pantau-collector: cannot write {file}: File exists\n")
    assert file.read_text() == before


def test_sign_prints_the_message_and_says_beside_what_it_changes(desk: Desk) -> None:
    code, out, err = desk.sign(SETTINGS, "--not-after", "2026-12-01T00:00:00+07:00")
    message = codec.decode_config(out.encode(), codec.JSON)
    signing.verify(message, public_key(desk))
    instruction = codec.decode_instruction(message.signed)
    assert (code, instruction.audience, instruction.version) == (0, "device:desa-1", 3)
    assert instruction.not_after_ns == 1_796_058_000 * 10**9
    assert err.splitlines() == [
        f"for device:desa-1, version 3, signed with key {message.key}",
        "devices take it until 2026-11-30T17:00:00Z; what is taken stays in force",
        '  latency.targets = [{"target": "gateway"}]',
        "  latency.period_s = 30.0",
        "  speed.tests_per_day = 8",
        "everything else stays as it is configured on the device",
    ]


def test_empty_settings_take_everything_back(desk: Desk) -> None:
    code, _, err = desk.sign("")
    assert code == 0
    assert err.splitlines()[-1] == "nothing is changed: devices go back to their own configuration"


def test_the_summary_is_in_the_language_asked_for(desk: Desk) -> None:
    _, _, err = desk.sign(SETTINGS, "--lang", "id")
    assert err.startswith("untuk device:desa-1, versi 3, ditandatangani dengan kunci ")


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ("[broker]\n", "unknown, or not to be changed from afar: `broker`"),
        ('device = "x"\n', "unknown, or not to be changed from afar: `device`"),
        ("[spool]\nmax_bytes = 1\n", "unknown, or not to be changed from afar: `spool`"),
        ("[latency]\nperod_s = 5\n", "latency: unknown, or not to be changed from afar: `perod_s`"),
        ('[latency]\nperiod_s = "60s"\n', "latency.period_s: Expected `float`, got `str`"),
        ("[speed]\ntests_per_day = 1000\n", "speed.tests_per_day: Expected `int` <= 96"),
        ('[speed]\nurl = "uji.example.id"\n', "speed: 'uji.example.id' is not a web address"),
        ('[dns]\nnames = ["a b"]\n', "dns: 'a b' is not a host name or an address"),
        ("latency = 5\n", "latency: Expected `object`, got `int`"),
        ("[latency\n", "FILE is not TOML: "),
    ],
)
def test_wrong_settings_are_named_before_anything_is_signed(
    desk: Desk, settings: str, complaint: str
) -> None:
    code, out, err = desk.sign(settings)
    assert (code, out) == (2, "")
    file = str(desk.folder / "settings.toml")
    wanted = complaint.replace("FILE", file) if "FILE" in complaint else f"{file}: {complaint}"
    assert err.startswith(f"pantau-collector: {wanted}")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"audience": "desa-1"}, "--audience: 'desa-1' is neither device:ID nor group:ID"),
        ({"audience": "group:"}, "--audience: 'group:' is neither device:ID nor group:ID"),
        ({"audience": "device:a/b"}, "--audience: 'a/b' cannot be a device id"),
        ({"audience": "device:collector-1"}, "--audience: 'collector-1' is reserved"),
        ({"version": 0}, "devices would not read this: Expected `int` >= 1"),
        ({"not-after": "tomorrow"}, "--not-after: 'tomorrow' is not an instant such as"),
        ({"key": "/nowhere.pem"}, "cannot read /nowhere.pem: No such file or directory"),
    ],
)
def test_wrong_words_are_named(desk: Desk, changes: dict[str, object], complaint: str) -> None:
    code, out, err = desk.sign(**changes)
    assert (code, out) == (2, "")
    assert err.startswith(f"pantau-collector: {complaint}")


def test_a_file_that_is_no_private_key_is_refused(desk: Desk) -> None:
    file = desk.write("public.pem", "-----BEGIN PUBLIC KEY-----\n")
    code, out, err = desk.sign(key=file)
    assert (code, out) == (2, "")
    assert err == f"pantau-collector: {file}: not an unencrypted Ed25519 private key in PEM (PKCS #8)\n"


def test_more_than_a_message_holds_is_refused(desk: Desk) -> None:
    pages = json.dumps([f"http://a.id/{'x' * 480}{number}" for number in range(20)])
    names = json.dumps([f"{'a' * 250}{number}" for number in range(20)])
    servers = json.dumps([f"{'a' * 250}{number}" for number in range(8)])
    settings = f"[http]\npages = {pages}\n[dns]\nnames = {names}\n[speed]\niperf3_servers = {servers}\n"
    code, out, err = desk.sign(settings)
    assert (code, out) == (2, "")
    assert "too much for one message" in err


def test_show_verifies_and_says_what_changes(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    message = desk.signed()
    code, out, _ = desk.ask("show", message, "--public-key", public_key(desk))
    assert code == 0
    assert "  speed.tests_per_day = 8\n" in out
    assert out.endswith("the signature is good\n")
    monkeypatch.setattr("sys.stdin", io.StringIO(message.read_text()))
    assert desk.ask("show", "-", "--public-key", public_key(desk))[0] == 0


def test_show_ends_with_1_where_the_signature_is_not_good(desk: Desk) -> None:
    """And prints nothing of what nobody vouches for."""
    message = desk.signed()
    changed = desk.write("changed.json", message.read_text().replace("tests_per_day", "tests_per_dax"))
    other = signing.public_key_of(signing.new_private_pem())
    for file, key in ((changed, public_key(desk)), (message, other)):
        code, out, err = desk.ask("show", file, "--public-key", key)
        assert (code, out) == (1, "")
        assert err.startswith("the signature is NOT good: ")


@pytest.mark.parametrize("text", ["", "{}", "\xff", '{"v":9}', "[" * 10_000])
@pytest.mark.parametrize("command", [("show", "--public-key", "A" * 43 + "="), ("publish",)])
def test_what_is_no_message_is_refused(desk: Desk, text: str, command: tuple[str, ...]) -> None:
    file = desk.folder / "message.json"
    file.write_bytes(text.encode("latin-1"))
    code, out, err = desk.ask(command[0], file, *command[1:])
    assert (code, out) == (2, "")
    assert err.startswith(f"pantau-collector: {file} is not ")


@pytest.mark.parametrize("kind", brokers.KINDS)
def test_publish_leaves_the_message_with_the_broker(desk: Desk, kind: str) -> None:
    """Retained, on the audience's topic, byte for byte signed; as a client beside the running collector."""
    message = desk.signed(audience="group:klaten")
    with brokers.running(kind, desk.folder) as broker:
        desk.collector.write_text(f"[broker]\nport = {broker.port}\n")
        code, out, err = desk.ask("publish", message)
        assert (code, err) == (0, "")
        assert out.startswith("the broker keeps it on pantau/v1/groups/klaten/config; ")
        kept = retained(broker.port, "pantau/v1/groups/klaten/config")
    signing.verify(codec.decode_config(kept, codec.JSON), public_key(desk))


def test_publish_says_when_nobody_takes_it(desk: Desk) -> None:
    message = desk.signed()
    port = brokers.free_port()
    desk.collector.write_text(f"[broker]\nport = {port}\n")
    code, out, err = desk.ask("publish", message)
    assert (code, out) == (2, "")
    assert err.startswith(f"pantau-collector: cannot reach the broker at 127.0.0.1:{port}: ")


def retained(port: int, topic: str) -> bytes:
    """Return what a client that subscribes now is given."""
    from paho.mqtt import subscribe  # noqa: PLC0415 - only here

    message = subscribe.simple(topic, hostname=brokers.HOST, port=port, keepalive=20, protocol=5)
    assert message.retain
    return bytes(message.payload)


def test_config_alone_still_prints_the_configuration(desk: Desk) -> None:
    code, out, _ = desk.ask()
    assert code == 0
    assert json.loads(out)["broker"]["port"] == 1883
