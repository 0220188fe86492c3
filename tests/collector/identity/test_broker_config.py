"""A real Mosquitto with the generated configuration: who gets in, and what they can do there."""

from __future__ import annotations

import contextlib
import datetime as dt
import shutil
import ssl
import subprocess
import threading
import time
from typing import TYPE_CHECKING

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from tests.fakes.brokers import HOST, _answers, free_port

from pantau_collector.cli import main
from pantau_collector.identity import certificates, folder
from pantau_collector.identity.authority import Identities
from pantau_collector.identity.broker_config import BrokerFiles, access_list, configuration
from pantau_wire import topics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PATIENCE_S = 20.0
QUIET_S = 1.0
COLLECTOR, OPERATOR = "collector-a", "operator-siti"
CONFIGS = (topics.topic("desa-1", "config"), topics.group_config_topic("klaten"))

pytestmark = pytest.mark.skipif(
    shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin") is None,
    reason="mosquitto is not installed: apt install mosquitto",
)


@pytest.fixture
def port(broker: tuple[int, int]) -> int:
    return broker[0]


@pytest.fixture
def broker(files: folder.Folder, tmp_path: Path) -> Iterator[tuple[int, int]]:
    """A Mosquitto set up as `broker-config` says, listening on loopback: its port and process id."""
    key = certificates.new_key()
    certificate = Identities(files).issue("server", "broker", key.public_key(), hosts=[HOST])
    server = BrokerFiles(
        server_certificate=tmp_path / "broker.pem",
        server_key=tmp_path / "broker.key",
        client_authority=files.authority_certificate("client"),
        revocation_list=files.revocation_list,
        access_list=tmp_path / "acl",
    )
    folder.write(server.server_certificate, certificates.certificate_pem(certificate))
    folder.write(server.server_key, certificates.key_pem(key), private=True)
    server.access_list.write_text(access_list([COLLECTOR], [OPERATOR]))
    server.access_list.chmod(0o600)
    number = free_port()
    config = tmp_path / "mosquitto.conf"
    config.write_text(configuration(server, port=number, address=HOST) + "user root\n")
    with (tmp_path / "mosquitto.log").open("wb") as log:
        command = [shutil.which("mosquitto", path="/usr/sbin:/usr/bin") or "mosquitto", "-c", str(config)]
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + PATIENCE_S
        while not _answers(number):
            assert process.poll() is None, (tmp_path / "mosquitto.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield number, process.pid
    finally:
        process.terminate()
        process.wait()


class Peer:
    """A client of the broker that remembers what happened to it."""

    def __init__(self, context: ssl.SSLContext, port: int, client_id: str) -> None:
        self.connected, self.lost = threading.Event(), threading.Event()
        self.failure: str | None = None
        self.granted: list[bool] = []
        self.answers: dict[int, bool] = {}
        self.heard: list[tuple[str, bytes]] = []
        self.changed = threading.Condition()
        self.client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=paho.MQTTv5,
            reconnect_on_failure=False,
        )
        self.client.tls_set_context(context)
        self.client.on_connect = self._connected
        self.client.on_disconnect = lambda *_: self.lost.set()
        self.client.on_subscribe = self._subscribed
        self.client.on_publish = self._published
        self.client.on_message = self._message
        try:
            self.client.connect(HOST, port, keepalive=30)
        except (OSError, ssl.SSLError) as error:
            self.failure = str(error)
            self.lost.set()
        else:
            self.client.loop_start()

    def _connected(self, _c, _u, _f, reason, _p) -> None:
        if reason.is_failure:
            self.failure = str(reason)
            self.lost.set()
        self.connected.set()

    def _subscribed(self, _c, _u, _mid, reasons, _p) -> None:
        with self.changed:
            self.granted += [not reason.is_failure for reason in reasons]
            self.changed.notify_all()

    def _published(self, _c, _u, mid, reason, _p) -> None:
        with self.changed:
            self.answers[mid] = not reason.is_failure
            self.changed.notify_all()

    def _message(self, _c, _u, message) -> None:
        with self.changed:
            self.heard.append((message.topic, message.payload))
            self.changed.notify_all()

    def wait(self, condition: Callable[[], object], patience_s: float = PATIENCE_S) -> bool:
        with self.changed:
            return bool(self.changed.wait_for(condition, patience_s))

    def gets_in(self) -> bool:
        """Tell whether the broker let us in: TLS 1.3 refuses a client certificate after the handshake."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            if self.lost.is_set():
                return False
            if self.connected.wait(0.05):
                return not self.lost.is_set()
        return False

    def subscribes(self, name: str) -> None:
        before = len(self.granted)
        self.client.subscribe(name, qos=1)
        assert self.wait(lambda: len(self.granted) > before)

    def publishes(self, name: str, payload: bytes = b"x") -> bool:
        mid = self.client.publish(name, payload, qos=1).mid
        assert self.wait(lambda: mid in self.answers)
        return self.answers[mid]

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def connect(
    files: folder.Folder, port: int, client: Callable[[str], tuple[Path, Path]]
) -> Iterator[Callable[..., Peer]]:
    """Connect as somebody; a certificate of one's own may be given."""
    with contextlib.ExitStack() as stack:

        def open_peer(
            name: str, *, client_id: str | None = None, pair: tuple[Path, Path] | None = None
        ) -> Peer:
            context = ssl.create_default_context(cafile=str(files.authority_certificate("server")))
            context.load_cert_chain(*map(str, pair or client(name)))
            peer = Peer(context, port, client_id or name)
            stack.callback(peer.close)
            return peer

        yield open_peer


def test_a_device_reaches_the_collector_and_hears_its_answer(connect: Callable[..., Peer]) -> None:
    collector, device = connect(COLLECTOR), connect("desa-1")
    assert collector.gets_in()
    assert device.gets_in()
    collector.subscribes(topics.SHARED_MEASUREMENTS)
    device.subscribes(topics.topic("desa-1", "ack"))
    assert device.publishes(topics.topic("desa-1", "measurements"), b"hello")
    assert collector.wait(lambda: collector.heard)
    assert collector.heard == [(topics.topic("desa-1", "measurements"), b"hello")]
    assert collector.publishes(topics.topic("desa-1", "ack"), b"stored")
    assert device.wait(lambda: device.heard)


@pytest.mark.parametrize(
    "name",
    [
        topics.topic("desa-2", "measurements"),
        topics.topic("desa-2", "status"),
        topics.topic("desa-1", "ack"),
        topics.topic("desa-1", "config"),
        topics.group_config_topic("klaten"),
        "pantau/v1/desa-1/else",
        "$SYS/broker/x",
    ],
)
def test_a_device_cannot_write_as_another_nor_answer_itself(connect: Callable[..., Peer], name: str) -> None:
    watcher, device = connect(COLLECTOR), connect("desa-1")
    assert watcher.gets_in()
    assert device.gets_in()
    watcher.subscribes("pantau/v1/+/measurements")
    watcher.subscribes("pantau/v1/+/status")
    device.subscribes(topics.topic("desa-1", "ack"))
    device.subscribes(topics.topic("desa-1", "config"))
    device.subscribes(topics.group_config_topic("klaten"))
    device.publishes(name, b"forged")
    assert not watcher.wait(lambda: watcher.heard, QUIET_S)
    assert not device.heard


@pytest.mark.parametrize("name", ["pantau/v1/+/measurements", "pantau/v1/desa-1/ack", "#", "pantau/v1/#"])
def test_a_device_cannot_read_another(connect: Callable[..., Peer], name: str) -> None:
    thief, device, collector = connect("desa-2"), connect("desa-1"), connect(COLLECTOR)
    assert thief.gets_in()
    assert device.gets_in()
    assert collector.gets_in()
    thief.subscribes(name)
    thief.subscribes(f"$share/ingest/{name}")
    device.publishes(topics.topic("desa-1", "measurements"))
    collector.publishes(topics.topic("desa-1", "ack"))
    assert not thief.wait(lambda: thief.heard, QUIET_S)


@pytest.mark.parametrize("name", CONFIGS)
def test_an_operator_hands_on_configurations(connect: Callable[..., Peer], name: str) -> None:
    """Under the name in the certificate, whatever client id is given."""
    operator, device = connect(OPERATOR, client_id="collector-x-config"), connect("desa-1")
    assert operator.gets_in()
    assert device.gets_in()
    device.subscribes(name)
    assert operator.publishes(name, b"signed")
    assert device.wait(lambda: device.heard)
    assert device.heard == [(name, b"signed")]


@pytest.mark.parametrize("name", CONFIGS)
def test_a_collector_cannot_write_configurations(connect: Callable[..., Peer], name: str) -> None:
    """A fallen one could bring back an old message to devices that never saw the newer one."""
    collector, device = connect(COLLECTOR), connect("desa-1")
    assert collector.gets_in()
    assert device.gets_in()
    device.subscribes(name)
    assert not collector.publishes(name, b"old")
    assert not device.wait(lambda: device.heard, QUIET_S)


@pytest.mark.parametrize("channel", ["measurements", "status", "ack"])
def test_an_operator_writes_nothing_else(connect: Callable[..., Peer], channel: topics.Channel) -> None:
    operator = connect(OPERATOR)
    assert operator.gets_in()
    assert not operator.publishes(topics.topic("desa-1", channel), b"forged")


def test_an_operator_reads_nothing(connect: Callable[..., Peer]) -> None:
    operator, device = connect(OPERATOR), connect("desa-1")
    assert operator.gets_in()
    assert device.gets_in()
    for name in ("#", "pantau/v1/+/measurements", "pantau/v1/+/status", topics.SHARED_MEASUREMENTS):
        operator.subscribes(name)
    assert device.publishes(topics.topic("desa-1", "measurements"))
    assert device.publishes(topics.topic("desa-1", "status"))
    assert not operator.wait(lambda: operator.heard, QUIET_S)


def test_a_device_cannot_take_the_collectors_session(connect: Callable[..., Peer]) -> None:
    collector = connect(COLLECTOR)
    assert collector.gets_in()
    thief = connect("desa-1", client_id=COLLECTOR)
    thief.gets_in()
    assert not collector.lost.wait(QUIET_S)


def test_a_stranger_without_certificate_stays_out(files: folder.Folder, port: int) -> None:
    context = ssl.create_default_context(cafile=str(files.authority_certificate("server")))
    assert not Peer(context, port, "desa-1").gets_in()


def test_an_expired_certificate_stays_out(
    connect: Callable[..., Peer], files: folder.Folder, tmp_path: Path
) -> None:
    key = certificates.new_key()
    long_ago = dt.datetime.now(dt.UTC) - dt.timedelta(days=10)
    old = certificates.issue(
        files.authority("client"), "client", "desa-1", key.public_key(), now=long_ago, days=5
    )
    pair = tmp_path / "old.pem", tmp_path / "old.key"
    folder.write(pair[0], certificates.certificate_pem(old))
    folder.write(pair[1], certificates.key_pem(key), private=True)
    assert not connect("desa-1", pair=pair).gets_in()


def test_a_server_certificate_is_no_identity(connect: Callable[..., Peer], tmp_path: Path) -> None:
    pair = tmp_path / "broker.pem", tmp_path / "broker.key"
    assert not connect("broker", pair=pair).gets_in()


def test_what_is_larger_than_any_envelope_is_refused(connect: Callable[..., Peer]) -> None:
    device = connect("desa-1")
    assert device.gets_in()
    device.client.publish(topics.topic("desa-1", "measurements"), bytes(400_000), qos=1)
    assert device.lost.wait(PATIENCE_S)


def test_a_revoked_device_loses_its_connection_and_stays_out(
    broker: tuple[int, int],
    connect: Callable[..., Peer],
    client: Callable[[str], tuple[Path, Path]],
    files: folder.Folder,
    tmp_path: Path,
) -> None:
    port, pid = broker
    pair = client("desa-1")
    device, other = connect("desa-1", pair=pair), connect("desa-2")
    assert device.gets_in()
    assert other.gets_in()
    config = tmp_path / "collector.toml"
    config.write_text(
        f'[broker]\nhost = "{HOST}"\nport = {port}\nca_file = "{files.authority_certificate("server")}"\n'
        f'[identity]\npath = "{files.path}"\nreload_command = ["kill", "-HUP", "{pid}"]\n'
    )
    assert main(["--config", str(config), "devices", "revoke", "desa-1", "--lang", "en"]) == 0
    assert device.lost.wait(PATIENCE_S)
    assert not connect("desa-1", pair=pair).gets_in()
    assert not other.lost.is_set()
    assert other.publishes(topics.topic("desa-2", "measurements"))
    assert connect("desa-3").gets_in()


def test_a_broker_that_cannot_be_told_is_said(
    files: folder.Folder,
    client: Callable[[str], tuple[Path, Path]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    client("desa-1")
    config = tmp_path / "collector.toml"
    config.write_text(f'[identity]\npath = "{files.path}"\nreload_command = ["false"]\n')
    assert main(["--config", str(config), "devices", "revoke", "desa-1", "--lang", "en"]) == 1
    assert "the broker was NOT told to read the list again" in capsys.readouterr().out
