"""What an agent costs a line in a month without any speed test, in each profile.

An agent in one network namespace, and in another all it talks to: Mosquitto, a collector that stores and
answers, a testpoint (STAMP), an address that answers pings, a resolver and a page of 50 kB. What crosses the
line is read from the interface's counters, beside what the agent's own ledger says.

Time is pressed together: every period, the commit interval and the keep-alive are divided by FACTOR, so that
one hour of a device's life is measured in three minutes, and a month is 730.5 times that. Without TLS.
Needs root; PANTAU_BENCH_SECONDS is the window, a multiple of 180 keeps the hours whole.
"""

import os
import shutil
import tempfile
import time
from pathlib import Path

from tests.agent.budget import line
from tests.fakes import network

from pantau_agent.budget import ledger
from pantau_agent.config import load

FACTOR = 20
WINDOW_S = float(os.environ.get("PANTAU_BENCH_SECONDS", "180"))
SETTLE_S = 20.0
MONTH_HOURS = 730.5
NAME_PORT = 5353
KEEPALIVE_MIN_S = 5
MEGA = 1e6
BASE = f"""\
device = "{line.DEVICE}"
profile = "PROFILE"
start_spread_ratio = 0
[broker]
host = "{network.FAR_ADDRESS}"
reconnect_spread_s = 0
[traffic]
interface = "link0"
[latency]
targets = [
    {{ target = "testpoint", host = "{network.FAR_ADDRESS}", stamp_port = {line.STAMP_PORT} }},
    {{ target = "internet", host = "{network.FAR_ADDRESS}", method = "icmp" }},
]
[http]
pages = ["http://{network.FAR_ADDRESS}:{line.PAGE_PORT}/"]
[dns]
names = ["layanan.example.id"]
resolvers = ["{network.FAR_ADDRESS}:{NAME_PORT}"]
[spool]
path = "FOLDER/agent/spool.db"
"""


def run() -> list[dict[str, object]]:
    """Return a row for each profile: MB a month at the interface, and of each purpose by the ledger."""
    if reason := network.why_not() or line.why_not():
        raise RuntimeError(reason)
    return [_measure(profile) for profile in ("standard", "metered")]


def _measure(profile: str) -> dict[str, object]:
    with tempfile.TemporaryDirectory(prefix="pantau-bench-") as name, network.two_hosts() as (near, far):
        folder = Path(name)
        line.send_true_frames(near, far)
        near.output(["sh", "-c", "echo '0 2147483647' > /proc/sys/net/ipv4/ping_group_range"])
        with line.peers(far, folder), far.serving(_resolver(), NAME_PORT):
            agent = line.Agent(near, folder, _pressed(profile, folder))
            with agent.running():
                agent.wait(lambda: "publishing" in agent.used(), "the first delivery")
                time.sleep(SETTLE_S)
                before, carried_bytes = agent.used(), line.carried_bytes(near)
                time.sleep(WINDOW_S)
                after, carried_bytes = agent.used(), line.carried_bytes(near) - carried_bytes
    purposes = {
        f"{purpose}_mb": _month_mb(entry.both - before.get(purpose, ledger.Bytes(0, 0)).both)
        for purpose, entry in sorted(after.items())
    }
    return {
        "profile": profile,
        "window_s": WINDOW_S,
        "interface_mb_per_month": _month_mb(carried_bytes),
        "ledger_mb_per_month": round(sum(purposes.values()), 1),
        **purposes,
    }


def _month_mb(window_bytes: int) -> float:
    hours = WINDOW_S * FACTOR / 3600
    return round(window_bytes / hours * MONTH_HOURS / MEGA, 1)


def _pressed(profile: str, folder: Path) -> str:
    """Return the profile's configuration with all its periods divided."""
    base = folder / "base.toml"
    base.write_text(BASE.replace("PROFILE", profile).replace("FOLDER", str(folder)))
    config = load(base)
    sections: dict[str, dict[str, float]] = {
        "traffic": {
            "period_s": config.traffic.period_s / FACTOR,
            "sample_s": config.traffic.sample_s / FACTOR,
        },
        "latency": {"period_s": config.latency.period_s / FACTOR},
        "dns": {"period_s": config.dns.period_s / FACTOR},
        "http": {"period_s": config.http.period_s / FACTOR},
        "link": {"period_s": config.link.period_s / FACTOR},
        "device_health": {"period_s": config.device_health.period_s / FACTOR},
        "spool": {"commit_interval_s": config.spool.commit_interval_s / FACTOR},
        "broker": {"keepalive_s": max(config.broker.keepalive_s // FACTOR, KEEPALIVE_MIN_S)},
    }
    return _with(base.read_text(), sections)


def _with(text: str, sections: dict[str, dict[str, float]]) -> str:
    """Return the TOML with these keys added to its tables."""
    for section, values in sections.items():
        added = "".join(f"{key} = {value}\n" for key, value in values.items())
        heading = f"[{section}]\n"
        text = text.replace(heading, heading + added) if heading in text else text + heading + added
    return text


def _resolver() -> list[str]:
    program = shutil.which("dnsmasq", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    if program is None:
        raise RuntimeError("dnsmasq is not installed: apt-get install dnsmasq-base")
    options = ["--keep-in-foreground", "--no-resolv", "--no-hosts", "--conf-file=/dev/null", "--user="]
    return [program, *options, f"--port={NAME_PORT}", "--address=/layanan.example.id/192.0.2.7"]
