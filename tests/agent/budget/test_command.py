"""`pantau-agent budget` as a person and a program see it."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from pantau_agent.budget.ledger import Bytes, Ledger

PROGRAM = Path(sys.executable).with_name("pantau-agent")
COLUMNS = 80


@pytest.fixture
def config(tmp_path):
    file = tmp_path / "agent.toml"
    file.write_text(f'device = "desa-1"\n[spool]\npath = "{tmp_path}/spool.db"\n[budget]\nmonth_mb = 1500\n')
    return file


@pytest.fixture
def ledger(tmp_path):
    """Two months of use; they lie so far ahead that no clock names a later one."""
    book = Ledger(tmp_path / "budget.db")
    book.book("2098-12", {"speed": Bytes(10**9, 10**8), "dns": Bytes(10_000, 9_000)})
    book.book("2099-01", {"speed": Bytes(700_000_000, 300_000_000), "latency": Bytes(41_200_000, 43_000_000)})
    book.book("2099-01", {"local": Bytes(84_000_000, 84_700_000), "publishing": Bytes(3_000_000, 12_300_000)})
    yield book
    book.close()


def run(config, *arguments, language="en_US.UTF-8"):
    environment = {**os.environ, "LANG": language, "LC_ALL": language, "LANGUAGE": ""}
    command = [PROGRAM, "--config", config, "budget", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment)


def test_plain_lines_say_where_it_went_and_what_is_left(config, ledger):
    done = run(config)
    assert (done.returncode, done.stderr) == (0, "")
    assert (
        done.stdout
        == """\
Data used in 2099-01
MB                  received   sent  together  2098-12
Speed tests            700.0  300.0   1,000.0  1,100.0
Delay and loss          41.2   43.0      84.2      0.0
Publishing results       3.0   12.3      15.3      0.0
Names (DNS)              0.0    0.0       0.0     <0.1
Together               744.2  355.3   1,099.5  1,100.0
Left: 400.5 MB of 1,500.0 MB (26 %).
From 1,200.0 MB on speed tests run in the peak hours only.
At 1,500.0 MB speed tests stop until the next month.
Not counted: 168.7 MB that did not leave the local network (pings of the gateway).
"""
    )


def test_indonesian_is_spoken_with_its_own_numbers(config, ledger):
    done = run(config, language="id_ID.UTF-8")
    assert done.returncode == 0
    assert "1.000,0" in done.stdout
    assert "Uji kecepatan" in done.stdout
    assert "Speed" not in done.stdout
    assert "1,000.0" not in done.stdout


def test_json_is_one_object_and_nothing_else(config, ledger):
    ledger.reserve("2099-01", "speed", "speed", 50_000_000)
    done = run(config, "--json")
    found = json.loads(done.stdout)
    assert found["current"]["month"] == "2099-01"
    assert found["current"]["purposes"][0] == {
        "purpose": "speed",
        "rx_bytes": 700_000_000,
        "tx_bytes": 300_000_000,
    }
    assert (found["reserved_bytes"], found["left_bytes"]) == (50_000_000, 350_500_000)
    assert (found["state"], found["budget_bytes"], found["thins_from_bytes"]) == (
        "ok",
        1_500_000_000,
        1_200_000_000,
    )


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (150_000_000, "It runs short: speed tests run in the peak hours only."),
        (500_000_000, "It is spent: no speed test and no page until the next month; delay and loss go on."),
    ],
)
def test_it_says_when_less_is_measured(config, ledger, more, sentence):
    ledger.book("2099-01", {"http": Bytes(more, 0)})
    assert sentence in run(config).stdout.splitlines()


def test_before_the_first_run_it_says_so(config, tmp_path):
    done = run(config)
    assert (done.returncode, done.stdout) == (2, "")
    text = f"nothing was counted yet: there is no {tmp_path}/budget.db; the agent makes it when it runs"
    assert done.stderr == f"pantau-agent: {text}\n"


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
@pytest.mark.parametrize("language", ["en_US.UTF-8", "id_ID.UTF-8"])
def test_on_a_terminal_of_80_columns_there_is_a_table(config, ledger, language):
    """Nothing is wider than the terminal."""
    leader, follower = pty.openpty()
    environment = {**os.environ, "LANG": language, "LC_ALL": language, "LANGUAGE": "", "TERM": "xterm"}
    command = [PROGRAM, "--config", config, "budget"]
    environment["COLUMNS"] = str(COLUMNS)
    with subprocess.Popen(command, stdout=follower, stderr=follower, env=environment) as process:
        os.close(follower)
        shown = b""
        while chunk := _read(leader):
            shown += chunk
    os.close(leader)
    lines = [_without_style(line) for line in shown.decode().splitlines()]
    assert process.returncode == 0
    assert any("┃" in line for line in lines)
    assert all(len(line) <= COLUMNS for line in lines)


def _read(leader):
    try:
        return os.read(leader, 65_536)
    except OSError:  # the other side is closed
        return b""


def _without_style(line):
    while "\x1b[" in line:
        head, _, tail = line.partition("\x1b[")
        line = head + tail[tail.index("m") + 1 :]
    return line
