"""The testpoint as a process: what a supervisor, a technician and a probe see of it."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from pantau_testpoint.stamp.modes import Authenticated
from pantau_testpoint.stamp.packet import SenderPacket, pack_sender, unpack_reflected

COMMAND = [str(Path(sys.executable).with_name("pantau-testpoint"))]
FREE_PORTS = ["--http-port", "0", "--stamp-port", "0"]
PATIENCE_S = 60


def environment(**settings: str) -> dict[str, str]:
    inherited = {name: text for name, text in os.environ.items() if not name.startswith("PANTAU_TESTPOINT_")}
    return {**inherited, **{f"PANTAU_TESTPOINT_{name}": text for name, text in settings.items()}}


@contextlib.contextmanager
def running(*arguments: str, **settings: str) -> Iterator[tuple["subprocess.Popen[str]", dict[str, Any]]]:
    """Start the console script; yield the process and its ready event."""
    with subprocess.Popen(
        [*COMMAND, *arguments], stderr=subprocess.PIPE, text=True, env=environment(**settings)
    ) as process:
        try:
            assert process.stderr is not None
            yield process, json.loads(process.stderr.readline())
        finally:
            process.kill()


def failing(*arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        env=environment(**settings),
        timeout=PATIENCE_S,
        check=False,
    )


def test_it_says_on_which_ports_it_is_ready_and_serves_both() -> None:
    with running(*FREE_PORTS) as (_, ready):
        assert ready["event"] == "testpoint.ready"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(PATIENCE_S)
            sock.sendto(bytes(20), ("127.0.0.1", ready["stamp_port"]))
            sock.sendto(pack_sender(SenderPacket(5, 0, 1)), ("127.0.0.1", ready["stamp_port"]))
            assert unpack_reflected(sock.recv(100)).sender_sequence_number == 5
        health = httpx.get(f"http://127.0.0.1:{ready['http_port']}/healthz").json()
        while not health["reflected_count"]:  # the reply may be here before it is counted there
            health = httpx.get(f"http://127.0.0.1:{ready['http_port']}/healthz").json()
    assert health["status"] == "ok"
    assert (health["active_tests"], health["max_tests"]) == (0, 8)
    assert (health["reflected_count"], health["ignored_count"]) == (1, 1)


def test_with_a_key_file_it_answers_what_is_signed(tmp_path: Path) -> None:
    mode, key_file = Authenticated(bytes(range(16))), tmp_path / "stamp.key"
    key_file.write_text(f"{bytes(16).hex()}\n{bytes(range(16)).hex()}\n")
    key_file.chmod(0o600)
    with running(*FREE_PORTS, "--stamp-key-file", str(key_file)) as (_, ready):
        assert ready["event"] == "testpoint.ready"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(PATIENCE_S)
            sock.sendto(pack_sender(SenderPacket(4, 0, 1)), ("127.0.0.1", ready["stamp_port"]))
            sock.sendto(mode.pack_sender(SenderPacket(5, 0, 1)), ("127.0.0.1", ready["stamp_port"]))
            assert mode.unpack_reflected(sock.recv(200)).sender_sequence_number == 5


def test_a_key_file_that_everybody_can_read_is_warned_of(tmp_path: Path) -> None:
    key_file = tmp_path / "stamp.key"
    key_file.write_text(bytes(range(16)).hex())
    key_file.chmod(0o644)
    with running(*FREE_PORTS, STAMP_KEY_FILE=str(key_file)) as (_, first):
        assert (first["event"], first["level"], first["path"]) == (
            "stamp.key_exposed",
            "warning",
            str(key_file),
        )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_code_0_also_in_the_middle_of_a_test(number: signal.Signals) -> None:
    with (
        running(*FREE_PORTS) as (process, ready),
        httpx.stream("GET", f"http://127.0.0.1:{ready['http_port']}/garbage?ckSize=1024") as response,
    ):
        assert response.status_code == 200
        process.send_signal(number)
        _, rest = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0
        assert [json.loads(line)["event"] for line in rest.splitlines()] == ["testpoint.stopped"]


def test_the_ready_file_holds_the_ports_while_it_runs(tmp_path: Path) -> None:
    path = tmp_path / "ready.json"
    with running(*FREE_PORTS, "--ready-file", str(path)) as (process, ready):
        ports = json.loads(path.read_text())
        assert ports == {"http_port": ready["http_port"], "stamp_port": ready["stamp_port"]}
        process.terminate()
        process.communicate(timeout=PATIENCE_S)
    assert list(tmp_path.iterdir()) == []


def test_settings_come_from_the_environment_too() -> None:
    with running(HTTP_PORT="0", STAMP_PORT="0", MAX_TESTS="3", LISTEN="127.0.0.2", LOG="json") as (_, ready):
        assert ready["listen"] == "127.0.0.2"
        health = httpx.get(f"http://127.0.0.2:{ready['http_port']}/healthz").json()
    assert health["max_tests"] == 3


def test_every_address_of_both_families_is_served_and_ipv4_clients_see_their_ipv4_address() -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("no IPv6 here")
    with running(*FREE_PORTS, "--listen", "::") as (_, ready):
        for host, address in (("127.0.0.1", "127.0.0.1"), ("[::1]", "::1")):
            answer = httpx.get(f"http://{host}:{ready['http_port']}/getIP").json()
            assert answer["processedString"] == address
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(PATIENCE_S)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 77)
            sock.sendto(pack_sender(SenderPacket(5, 0, 1)), ("127.0.0.1", ready["stamp_port"]))
            assert unpack_reflected(sock.recv(100)).sender_ttl == 77


def test_a_busy_http_port_is_one_line_that_says_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = failing("--http-port", str(port), "--stamp-port", "0")
    assert result.returncode == 2
    assert result.stderr == (
        f"pantau-testpoint: cannot listen on TCP port {port} of 127.0.0.1: another program has it; "
        f"stop that one (ss -ltnp 'sport = :{port}' names it), or choose another with --http-port "
        "or PANTAU_TESTPOINT_HTTP_PORT (the address with --listen)\n"
    )


def test_a_busy_stamp_port_is_one_line_that_says_what_to_do() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        result = failing("--http-port", "0", "--stamp-port", str(port))
    assert result.returncode == 2
    assert f"cannot listen on UDP port {port} of 127.0.0.1: another program has it" in result.stderr
    assert "--stamp-port" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--listen", "192.0.2.1"], "this machine has no such address"),
        (["--listen", "no host"], "cannot listen on TCP port 0 of no host"),
        (
            ["--stamp-key-file", "/nonexistent/key"],
            "cannot read the STAMP key file /nonexistent/key: No such file",
        ),
        (["--stamp-key-file", "/dev/null"], "the STAMP key file /dev/null holds no key"),
        (["--ready-file", "/nonexistent/ready.json"], "cannot write the ready file /nonexistent/ready.json"),
    ],
)
def test_what_else_keeps_it_from_starting_is_one_line_too(arguments: list[str], message: str) -> None:
    result = failing(*FREE_PORTS, *arguments)
    assert result.returncode == 2
    assert message in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr


def test_an_unknown_variable_is_one_line_too() -> None:
    result = failing(HTPP_PORT="1")
    assert result.returncode == 2
    assert result.stderr.startswith("pantau-testpoint: PANTAU_TESTPOINT_HTPP_PORT is no setting")


def test_text_logs_are_for_people() -> None:
    with (
        subprocess.Popen(
            [*COMMAND, *FREE_PORTS, "--log", "text"], stderr=subprocess.PIPE, text=True, env=environment()
        ) as process,
    ):
        try:
            assert process.stderr is not None
            assert "testpoint.ready" in process.stderr.readline()
        finally:
            process.kill()


def test_the_time_is_served_where_a_port_is_chosen_for_it() -> None:
    """And only there: by default no NTP server is started."""
    with running(*FREE_PORTS, "--ntp-port", "0") as (_, ready):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(PATIENCE_S)
            sock.sendto(b"\x23" + bytes(47), ("127.0.0.1", ready["ntp_port"]))
            assert len(sock.recv(1000)) == 48
        health = httpx.get(f"http://127.0.0.1:{ready['http_port']}/healthz").json()
        assert health["ntp_answered_count"] == 1
    with running(*FREE_PORTS) as (_, ready):
        assert "ntp_port" not in ready
