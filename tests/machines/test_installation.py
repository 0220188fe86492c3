"""From bare Debian machines to measurements in the store, and through all that befalls a device after that.

One story, told in order: every step finds what the one before it left.
"""

from __future__ import annotations

import re
import shutil
import time
from typing import TYPE_CHECKING, NamedTuple

import pytest
from tests.fakes.network import FAR_ADDRESS, NEAR_ADDRESS, run, two_hosts
from tests.fakes.network import why_not as no_network
from tests.machines import base
from tests.machines.machine import Machine, machine
from tests.machines.operator import MACHINE, Operator

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.fakes.network import Host

pytestmark = [pytest.mark.system, pytest.mark.alone]

DEVICE, SERVER = "klaten-1", "server"
JOMBORAN, TEGALYOSO = "33.10.25.2007", "33.10.26.2008"
PATIENCE_S = 120.0
"""An agent that was not answered tries again after half a minute, then a minute."""
SERVER_UNITS = ("mosquitto", "influxdb", "pantau-collector", "pantau-testpoint", "pantau-revocations.path")
SPOOL = re.compile(
    r"^(\S+), spool (\w+), (\d+) to (\d+): received (\d+), rejected (\d+), dropped (\d+)$", re.MULTILINE
)


class Spool(NamedTuple):
    """What became of the numbers of one spool, as the collector's audit tells."""

    last_seq: int
    received: int


class Scene:
    """The machines, the operator, and what the story asks of them."""

    def __init__(self, folder: Path, near: Host, far: Host, device: Machine, server: Machine) -> None:
        self.folder, self.near, self.far = folder, near, far
        self.device, self.server = device, server

    def audit(self) -> dict[str, Spool]:
        """Return the device's spools by id; every number must be accounted for."""
        told = self.server.output("pantau-collector", "audit", "--lang", "en")
        assert "nothing was delivered" in told or "\ncomplete: every measurement is stored" in told
        found = {
            spool: (int(last), int(received)) for device, spool, _, last, received, *_ in SPOOL.findall(told)
        }
        return {spool: Spool(*counts) for spool, counts in found.items()}

    def received(self) -> int:
        """Return how many records of the device the store has."""
        return sum(spool.received for spool in self.audit().values())

    def waits(self) -> int:
        """Return how many records the device's spool holds."""
        return int(re.search(r'"depth_count": (\d+)', self.device.output("pantau-agent", "spool"))[1])

    def connection(self, state: str) -> None:
        """Connect or cut the line between the device and the server."""
        run("ip", "-n", self.near.namespace, "link", "set", "link0", state)


def eventually(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"in vain: {what}"
        time.sleep(0.5)


def settings(registry: Path, wheelhouse: Path) -> dict:
    """Return the inventory, beside the devices that come from the registry."""
    target = {"target": "testpoint", "host": FAR_ADDRESS, "stamp_port": 8862, "tcp_port": 8989}
    agent_settings = {
        "latency": {"targets": [target], "period_s": 2, "packets_count": 4, "timeout_s": 1},
        "speed": {"url": f"http://{FAR_ADDRESS}:8989"},
        "spool": {"commit_interval_s": 2},
        "broker": {"reconnect_spread_s": 0},
        "delivery": {"first_resend_s": 3, "max_resend_s": 6},
        "device_health": {"period_s": 2},
    }
    return {
        "all": {
            "vars": {"ansible_python_interpreter": "/usr/bin/python3", "release_wheelhouse": str(wheelhouse)},
            "hosts": {DEVICE: {"ansible_host": NEAR_ADDRESS}, SERVER: {"ansible_host": FAR_ADDRESS}},
            "children": {
                "collectors": {
                    "hosts": {SERVER: {}},
                    "vars": {
                        "broker_hosts": [FAR_ADDRESS],
                        "collector_store": "influxdb",
                        "collector_registry_source": str(registry),
                        "collector_portal_host": FAR_ADDRESS,
                    },
                },
                "testpoints": {"hosts": {SERVER: {}}},
                "agents": {"vars": {"agent_broker_host": FAR_ADDRESS, "agent_settings": agent_settings}},
            },
        }
    }


@pytest.fixture
def lab(tmp_path):
    """A namespace for the device and one for the server, joined by a cable; nothing leads out of them."""
    reason = base.why_not() or no_network()
    if reason is not None:
        pytest.skip(reason)
    with two_hosts() as (near, far):
        yield tmp_path, near, far


def test_a_technicians_story_from_bare_machines_to_their_removal(lab):
    folder, near, far = lab
    operator = Operator(folder, near)
    operator.collector("registry", "add", str(operator.registry), DEVICE, JOMBORAN, "--technology", "fibre")
    operator.describe(settings(operator.registry, operator.wheelhouse))
    with machine(folder / "server", SERVER, far, operator.public_key) as server:
        with machine(folder / "device", DEVICE, near, operator.public_key) as device:
            scene = Scene(folder, near, far, device, server)
            installs_from_nothing_to_measurements_through_tls(scene, operator)
            changes_nothing_the_second_time(operator)
            keeps_its_secrets_and_its_place(scene)
            is_restarted_when_it_hangs(scene)
            loses_nothing_when_line_device_and_server_fail(scene)
            upgrades_and_goes_back_from_a_bad_release(scene, operator)
            gets_a_new_identity(scene, operator)
            moves_to_another_village(scene, operator)
            is_refused_once_revoked(scene, operator)
        with machine(folder / "successor", DEVICE, near, operator.public_key) as box:
            scene = Scene(folder, near, far, box, server)
            another_box_takes_its_place(scene, operator)
            is_removed_once_its_spool_is_delivered(scene, operator)
            is_installed_from_a_bundle_without_ansible(scene, operator)
        servers_are_removed(server, operator)


def installs_from_nothing_to_measurements_through_tls(scene: Scene, operator: Operator) -> None:
    operator.played("site")
    eventually(lambda: scene.received() > 5, "measurements in the store")
    assert "listener 8883" in scene.server.output("cat", "/etc/pantau/broker/mosquitto.conf")
    assert ":1883" not in scene.server.output("ss", "--listening", "--tcp", "--numeric")
    assert f"{FAR_ADDRESS}:8883" in scene.device.output("ss", "--tcp", "--numeric")
    stored = scene.server.output("pantau-collector", "audit", "--json")
    assert f'"{DEVICE}"' in stored
    status = ("systemctl", "show", "pantau-agent", "--property=StatusText")
    eventually(lambda: f"{DEVICE}: connected, " in scene.device.output(*status), "the agent's status")


def changes_nothing_the_second_time(operator: Operator) -> None:
    for arguments in (["--check", "--diff"], []):
        again = operator.played("site", *arguments)
        assert again.changed == {DEVICE: 0, SERVER: 0}, again.output


def keeps_its_secrets_and_its_place(scene: Scene) -> None:
    """The key is root's on the disk, units are hardened, and ICMP is open to the agent."""
    key = f"/etc/pantau/agent-identity/{DEVICE}.key"
    assert scene.device.output("stat", "--format=%U %a", key) == "root 600\n"
    refused = scene.device.run("runuser", "-u", "pantau-agent", "--", "cat", key, check=False)
    assert "Permission denied" in refused.stderr
    units = [
        (scene.device, "pantau-agent"),
        (scene.server, "pantau-collector"),
        (scene.server, "pantau-testpoint"),
    ]
    for where, unit in units:
        told = where.output("systemd-analyze", "security", unit, "--no-pager")
        assert float(re.search(r"Overall exposure level for \S+: ([\d.]+)", told)[1]) <= 2.0, told
    doctor = scene.device.run("runuser", "-u", "pantau-agent", "--", "pantau-agent", "doctor", check=False)
    assert "ICMP: permitted to this user" in doctor.stdout
    limits = scene.device.output(
        "systemctl", "show", "pantau-agent", "-p", "MemoryMax", "-p", "Type", "-p", "WatchdogUSec"
    )
    assert limits.splitlines() == ["Type=notify", "WatchdogUSec=3min", "MemoryMax=201326592"]


def is_restarted_when_it_hangs(scene: Scene) -> None:
    """With a watchdog of 2 s instead of 3 min, for the test's sake."""
    run_time = "/run/systemd/system/pantau-agent.service.d"
    scene.device.run("mkdir", "-p", run_time)
    scene.device.run("tee", f"{run_time}/watchdog.conf", stdin="[Service]\nWatchdogSec=2\nRestartSec=1\n")
    scene.device.run("systemctl", "daemon-reload")
    scene.device.run("systemctl", "restart", "pantau-agent")
    scene.device.run("systemctl", "kill", "--kill-whom=main", "--signal=STOP", "pantau-agent")
    restarted = "NRestarts=1"
    eventually(
        lambda: restarted in scene.device.output("systemctl", "show", "pantau-agent", "-p", "NRestarts"),
        restarted,
    )
    scene.device.run("rm", "-r", run_time)
    scene.device.run("systemctl", "daemon-reload")
    scene.device.run("systemctl", "restart", "pantau-agent")


def loses_nothing_when_line_device_and_server_fail(scene: Scene) -> None:
    """Line cut, device rebooted, power cut everywhere: the same spool, whole, and the backlog arrives."""
    spools = scene.audit()
    scene.connection("down")
    eventually(lambda: scene.waits() > 5, "a backlog")
    scene.device.reboot()
    before_power_cut = scene.waits()
    assert before_power_cut > 5
    eventually(lambda: scene.waits() > before_power_cut, "measurements without a line")
    scene.device.cut_power()
    scene.server.cut_power()
    scene.device.boot()
    scene.server.boot()
    backlog = scene.waits()
    assert backlog > before_power_cut
    for unit in SERVER_UNITS:
        assert scene.server.output("systemctl", "is-active", unit) == "active\n"
    scene.connection("up")
    eventually(lambda: scene.waits() < 5, "an empty spool")
    eventually(
        lambda: scene.received() >= sum(one.received for one in spools.values()) + backlog, "the backlog"
    )
    assert scene.audit().keys() == spools.keys()


def upgrades_and_goes_back_from_a_bad_release(scene: Scene, operator: Operator) -> None:
    operator.release("0.2.0")
    operator.played("agents", "-e", "release_version=0.2.0")
    assert scene.device.output("pantau-agent", "--version") == "0.2.0\n"

    operator.release("0.3.0", damage=deaf_to_the_testpoint)
    bad = operator.play("agents", "-e", "release_version=0.3.0", "-e", "agent_verify_retries=2")
    assert bad.code != 0
    assert "latency" in bad.output
    assert "0.3.0 was taken back, 0.2.0 runs again" in bad.output
    assert scene.device.output("pantau-agent", "--version") == "0.2.0\n"

    operator.release("0.4.0", damage=does_not_start)
    dead = operator.play("agents", "-e", "release_version=0.4.0")
    assert dead.code != 0
    assert "0.4.0 was taken back, 0.2.0 runs again" in dead.output
    before = scene.received()
    eventually(lambda: scene.received() > before, "measurements by the release before")

    operator.played("agents", "-e", "release_version=0.1.0")
    assert scene.device.output("pantau-agent", "--version") == "0.1.0\n"


def deaf_to_the_testpoint(source: Path) -> None:
    probe = source / "agent" / "pantau_agent" / "probes" / "stamp.py"
    text = probe.read_text()
    assert text.count("    def _send(self)") == 1
    probe.write_text(
        text.replace("    def _send(self)", "    def _send(self):\n        1 / 0\n\n    def _sent(self)")
    )


def does_not_start(source: Path) -> None:
    service = source / "agent" / "pantau_agent" / "service.py"
    service.write_text("raise RuntimeError('a release that nobody tried')\n" + service.read_text())


def gets_a_new_identity(scene: Scene, operator: Operator) -> None:
    certificate = f"/etc/pantau/agent-identity/{DEVICE}.pem"
    old = scene.device.output("cat", certificate)
    operator.played("rotate")
    assert scene.device.output("cat", certificate) != old
    assert scene.server.output("pantau-collector", "devices", "list").count(DEVICE) == 2
    before = scene.received()
    eventually(lambda: scene.received() > before, "measurements under the new certificate")


def moves_to_another_village(scene: Scene, operator: Operator) -> None:
    operator.collector("registry", "move", str(operator.registry), DEVICE, TEGALYOSO)
    operator.describe(settings(operator.registry, operator.wheelhouse))
    operator.played("site", "--limit", SERVER, "--tags", "registry")
    history = scene.server.output("pantau-collector", "registry", "show", "/etc/pantau/devices.csv", DEVICE)
    assert re.findall(r"33\.10\.\d\d\.\d{4}", history) == [JOMBORAN, TEGALYOSO]
    assert "village_33_10_26_2008" in (operator.inventory / "devices.json").read_text()


def is_refused_once_revoked(scene: Scene, operator: Operator) -> None:
    operator.played("revoke", "--limit", DEVICE)
    scene.device.run("systemctl", "stop", "pantau-agent")
    told = scene.device.run("pantau-agent", "doctor", "--json", check=False)
    assert told.returncode == 1
    assert re.search(r'"name": "broker-(tls|login)",\s+"state": "problem"', told.stdout), told.stdout
    received = scene.received()
    scene.device.run("systemctl", "start", "pantau-agent")
    time.sleep(5)
    assert scene.received() == received


def another_box_takes_its_place(scene: Scene, operator: Operator) -> None:
    spools = scene.audit()
    operator.played("replace", "--limit", DEVICE)
    eventually(lambda: scene.audit().keys() > spools.keys(), "measurements of the new box")


def is_removed_once_its_spool_is_delivered(scene: Scene, operator: Operator) -> None:
    """Offline it stays, and goes on; online everything is delivered first, and nothing of ours is left."""
    marker = scene.device.output(
        "find", "/etc/pantau", "/opt/pantau", "/var/lib/pantau-agent", "-maxdepth", "1"
    )
    assert "spool.db" in marker
    scene.server.run("systemctl", "stop", "mosquitto")
    eventually(lambda: scene.waits() > 3, "a backlog")
    kept = operator.play("remove", "--limit", DEVICE, "-e", "agent_drain_s=2")
    assert kept.code != 0
    assert "nothing was removed, and it goes on delivering" in kept.output
    assert scene.device.output("systemctl", "is-active", "pantau-agent") == "active\n"
    scene.server.run("systemctl", "start", "mosquitto")

    last_seq = int(re.search(r'"last_seq": (\d+)', scene.device.output("pantau-agent", "spool"))[1])
    operator.played("remove", "--limit", DEVICE)
    assert max(spool.last_seq for spool in scene.audit().values()) >= last_seq
    assert left_behind(scene.device) == ""
    assert scene.device.run("id", "pantau-agent", check=False).returncode != 0
    assert operator.played("remove", "--limit", DEVICE).changed[DEVICE] == 0


def is_installed_from_a_bundle_without_ansible(scene: Scene, operator: Operator) -> None:
    bundles = operator.folder / "bundles"
    machines = '{"bundle_machines": ["' + MACHINE + '"]}'
    operator.played("bundle", "--limit", DEVICE, "-e", "agent_enrolment=invitation", "-e", machines,
                    "-e", f"bundle_folder={bundles}")  # fmt: skip
    stick = scene.device.root / "root" / "stick"
    shutil.copytree(bundles, stick)
    spools = scene.audit()
    told = scene.device.run(
        "sh", "-c", f"cd /root/stick && LANG=id_ID.UTF-8 LC_ALL= ./install.sh {DEVICE}.tar"
    )
    assert f"Memasang {DEVICE}" in told.stdout
    assert "Terpasang. Hapus bundel itu" in told.stdout
    eventually(lambda: scene.audit().keys() > spools.keys(), "measurements of the box from the bundle")
    assert list((scene.device.root / "var" / "tmp").glob("pantau-install.*")) == []


def servers_are_removed(server: Machine, operator: Operator) -> None:
    operator.played("remove", "--limit", SERVER, "-e", "remove_data=true")
    assert left_behind(server) == ""


def left_behind(where: Machine) -> str:
    """Return every file that has our name in its own."""
    return where.output("find", "/", "-xdev", "-not", "-path", "/proc/*", "-iname", "*pantau*")
