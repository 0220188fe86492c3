"""What the agent costs a village's device while nothing special happens: memory, processor, disk, line.

`pantau-agent run` measures traffic (a sample each 10 s), link, device and the delay to a listener on this
machine, all once a minute, with no speed test, against a real broker (Mosquitto, else iotcore) and a peer
that answers every envelope `stored`. The window begins and ends with a delivery, so it holds whole commit
periods. `python -m benchmarks.agent_footprint` prints the rows;
PANTAU_BENCH_SECONDS is the shortest window.
"""

import contextlib
import json
import os
import queue
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.subscribeoptions import SubscribeOptions

from pantau_demo import broker as brokers
from pantau_wire import codec, topics
from pantau_wire.envelope import Ack

WINDOW_S = float(os.environ.get("PANTAU_BENCH_SECONDS", "90"))
SETTLE_DELIVERIES = 2  # the first shows that everything works, the second that nothing is new any more
DEVICE = "desa-3310252007-1"
CONFIG = """\
device = "{device}"
start_spread_ratio = 0
[broker]
port = {broker_port}
reconnect_spread_s = 1
[spool]
path = "{folder}/spool/spool.db"
[traffic]
interface = "lo"
sample_s = 10
[latency]
targets = [{{ target = "testpoint", host = "127.0.0.1", tcp_port = {listener_port}, method = "tcp" }}]
packets_count = 20
"""


@dataclass(frozen=True)
class Sample:
    """Counters of the agent's process and of its line, read at one moment."""

    at_s: float
    cpu_s: float
    switches_count: int
    written_bytes: int
    line_bytes: int


def run() -> list[dict[str, object]]:
    """Return one row: memory in MiB, and what a core, the disk and the line see of the agent."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pantau-bench-")))
        broker_port, kind = _start_broker(stack, folder)
        deliveries = _start_peer(stack, broker_port)
        relay = stack.enter_context(Relay(broker_port))
        listener_port = _start_listener(stack)
        agent = _start_agent(stack, folder, relay.port, listener_port)
        for _ in range(SETTLE_DELIVERIES):
            deliveries.get(timeout=150)
        time.sleep(2)  # the ack itself
        first, records = _sample(agent.pid, relay), 0
        while True:
            records += deliveries.get(timeout=150)
            time.sleep(2)
            last = _sample(agent.pid, relay)
            if last.at_s - first.at_s >= WINDOW_S:
                return [_row(kind, agent.pid, first, last, records)]


def _row(kind: str, pid: int, first: Sample, last: Sample, records: int) -> dict[str, object]:
    window_s = last.at_s - first.at_s
    memory = _memory_mib(pid)
    return {
        "broker": kind,
        "window_s": round(window_s, 1),
        "rss_mib": memory["Rss"],
        "pss_mib": memory["Pss"],
        "uss_mib": round(memory["Private_Clean"] + memory["Private_Dirty"], 1),
        "peak_rss_mib": _peak_mib(pid),
        "threads_count": len(list(Path(f"/proc/{pid}/task").iterdir())),
        "cpu_core_ratio": round((last.cpu_s - first.cpu_s) / window_s, 5),
        "voluntary_switches_per_s": round((last.switches_count - first.switches_count) / window_s, 2),
        "disk_bytes_per_minute": round((last.written_bytes - first.written_bytes) * 60 / window_s),
        "mqtt_bytes_per_hour": round((last.line_bytes - first.line_bytes) * 3600 / window_s),
        "records_per_minute": round(records * 60 / window_s, 1),
    }


def _start_broker(stack: contextlib.ExitStack, folder: Path) -> tuple[int, str]:
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    kind = "mosquitto" if program else "embedded"
    port = _free_port()
    _start(stack, brokers.command(kind, port, folder), folder / "broker.log")
    _wait_until_listening(port)
    return port, kind


def _start_agent(
    stack: contextlib.ExitStack, folder: Path, broker_port: int, listener_port: int
) -> subprocess.Popen[bytes]:
    config = folder / "agent.toml"
    config.write_text(
        CONFIG.format(device=DEVICE, folder=folder, broker_port=broker_port, listener_port=listener_port)
    )
    program = str(Path(sys.executable).with_name("pantau-agent"))
    return _start(stack, [program, "--config", str(config), "run"], folder / "agent.log")


def _start(stack: contextlib.ExitStack, command: list[str], output: Path) -> subprocess.Popen[bytes]:
    with output.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file)
    stack.callback(process.wait)
    stack.callback(process.terminate)
    return process


def _start_listener(stack: contextlib.ExitStack) -> int:
    listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                listener.accept()[0].close()

    threading.Thread(target=accept, daemon=True).start()
    return int(listener.getsockname()[1])


def _start_peer(stack: contextlib.ExitStack, port: int) -> "queue.Queue[int]":
    """Answer each envelope `stored`; return where the number of its records arrives."""
    deliveries: queue.Queue[int] = queue.Queue()
    client = paho.Client(CallbackAPIVersion.VERSION2, "collector-bench", protocol=paho.MQTTv5)

    def on_message(_client: paho.Client, _user: Any, message: paho.MQTTMessage) -> None:
        content_type = getattr(message.properties, "ContentType", None)
        envelope = codec.decode_envelope(message.payload, content_type, time.time_ns())
        assert not envelope.refused, envelope.refused
        seqs = tuple((record.seq, record.seq) for record in envelope.records)
        header = envelope.header
        ack = Ack(
            spool=header.spool, time_ns=time.time_ns(), sent_uptime_ns=header.sent_uptime_ns, stored=seqs
        )
        client.publish(topics.topic(DEVICE, "ack"), codec.encode(ack)[0])
        if seqs:  # one without records asks for the time
            deliveries.put(len(seqs))

    client.on_message = on_message
    client.connect("127.0.0.1", port)
    client.subscribe(topics.topic(DEVICE, "measurements"), options=SubscribeOptions(qos=1))
    client.loop_start()
    stack.callback(client.loop_stop)
    stack.callback(client.disconnect)
    return deliveries


class Relay:
    """Passes on what agent and broker say to each other, and counts its bytes."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.carried_bytes = 0

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._target_port))
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError), source:
            while data := source.recv(65536):
                sink.sendall(data)
                self.carried_bytes += len(data)
            sink.shutdown(socket.SHUT_WR)


def _sample(pid: int, relay: Relay) -> Sample:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    switches = sum(
        _number(task / "status", "voluntary_ctxt_switches") for task in Path(f"/proc/{pid}/task").iterdir()
    )
    written = _number(Path(f"/proc/{pid}/io"), "write_bytes")
    cpu_s = ticks / os.sysconf("SC_CLK_TCK")
    return Sample(time.monotonic(), cpu_s, switches, written, relay.carried_bytes)


def _memory_mib(pid: int) -> dict[str, float]:
    names = ("Rss", "Pss", "Private_Clean", "Private_Dirty")
    file = Path(f"/proc/{pid}/smaps_rollup")
    return {name: round(_number(file, name) / 1024, 1) for name in names}


def _peak_mib(pid: int) -> float:
    return round(_number(Path(f"/proc/{pid}/status"), "VmHWM") / 1024, 1)


def _number(file: Path, name: str) -> int:
    for line in file.read_text().splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return int(value.split()[0])
    raise KeyError(f"{file} has no {name}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _wait_until_listening(port: int) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise TimeoutError(f"no broker listens on port {port}")


def rows() -> Iterator[str]:
    """Return the rows as lines of JSON."""
    return (json.dumps(row) for row in run())


if __name__ == "__main__":
    for line in rows():
        print(line)
