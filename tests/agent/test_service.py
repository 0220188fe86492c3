"""The whole agent as a process: how it begins, how it ends, and what it survives."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import sqlite3
import subprocess
import time

import pytest
from tests.agent.support import collector as peers
from tests.agent.support.collector import Collector
from tests.agent.support.process import AgentProcess, running
from tests.fakes import brokers

from pantau_wire import ranges

NAME = "desa-1"


@pytest.fixture(params=brokers.KINDS)
def broker(request, tmp_path):
    with brokers.running(request.param, tmp_path) as started:
        yield started


@pytest.fixture
def embedded(tmp_path):
    """Where the broker's kind cannot matter."""
    with brokers.running("embedded", tmp_path) as started:
        yield started


def eventually(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def everything_is_in(agent):
    """Tell whether all that was ever committed is there: numbered without a gap, or waiting for its time."""
    with contextlib.closing(sqlite3.connect(agent.spool)) as db:
        seqs = [seq for (seq,) in db.execute("SELECT seq FROM record ORDER BY seq")]
        (waiting_count,) = db.execute("SELECT count(*) FROM waiting").fetchone()
    state = agent.state()
    numbered = seqs == list(range(1, state.last_seq + 1))
    return numbered and len(seqs) + waiting_count == state.depth_count == agent.committed_count()


def test_sigterm_delivers_what_was_measured_and_ends_with_0(tmp_path, broker):
    """What was not even committed yet is committed, sent and answered for before the agent goes."""
    with (
        Collector(broker.port, NAME) as collector,
        running(AgentProcess(tmp_path, port=broker.port, commit_s=3600)) as agent,
    ):
        agent.wait_for_log("publisher.connected")
        time.sleep(0.5)
        assert collector.envelopes == []
        assert agent.stop() == 0
        assert len(collector.seqs) >= 5
        eventually(lambda: [status.state for status in collector.statuses] == ["online", "stopped"])
    state = agent.state()
    assert (state.depth_count, state.stored_count) == (0, len(collector.seqs))
    assert "Traceback" not in agent.log


def test_sigterm_without_a_broker_keeps_everything_and_does_not_wait(tmp_path):
    """Nobody to deliver to: the spool has it, and the machine may go down."""
    with running(AgentProcess(tmp_path)) as agent:
        agent.wait_for_records(10)
        began = time.monotonic()
        assert agent.stop() == 0
        assert time.monotonic() - began < 15, "it waited for the grace period"
    assert everything_is_in(agent)
    assert agent.state().depth_count >= 10
    assert agent.log.count("publisher.disconnected") == 1


def test_a_killed_agent_is_seen_lost(tmp_path, broker):
    """The broker publishes its will, retained, for whoever asks later."""
    with running(AgentProcess(tmp_path, port=broker.port)) as agent:
        agent.wait_for_log("publisher.connected")
        with Collector(broker.port, NAME) as collector:
            eventually(lambda: collector.statuses)
            agent.kill()
            eventually(lambda: collector.statuses[-1].state == "lost")
    with Collector(broker.port, NAME) as late:
        eventually(lambda: late.statuses)
        assert late.statuses[-1].state == "lost"


def test_after_a_kill_the_backlog_is_delivered_as_repeated(tmp_path, embedded):
    """What the first process sent in vain comes from the second with attempt 2 and equal bytes."""
    with Collector(embedded.port, NAME, peers.silent) as collector:
        agent = AgentProcess(tmp_path, port=embedded.port)
        with running(agent):
            eventually(lambda: collector.envelopes)
            agent.kill()
        first = collector.envelopes[0]
        collector.policy = peers.stored
        with running(agent):
            agent.wait_for_records(1)
            eventually(lambda: agent.state().stored_count >= len(first.seqs))
            assert agent.stop() == 0
        again = next(envelope for envelope in collector.envelopes[1:] if first.seqs[0] in envelope.seqs)
    assert again.header.attempt >= 2
    assert {len(found) for found in collector.record_versions().values()} == {1}
    assert ranges.from_numbers(collector.seqs) == [(1, agent.state().last_seq)]


def test_sigkill_at_random_moments_loses_nothing_that_was_committed(tmp_path, embedded):
    """With a broker that acknowledges and no collector: every number ever committed is still in the spool."""
    agent = AgentProcess(tmp_path, port=embedded.port, commit_s=0.02)
    rng = random.Random(3)
    seen = 0
    for _ in range(5):
        with running(agent):
            agent.wait_for_records(seen + 3)
            time.sleep(rng.uniform(0, 0.3))
            seen = agent.committed_count()
            agent.kill()
        state = agent.state()
        assert agent.committed_count() >= seen
        assert everything_is_in(agent)
        assert (state.stored_count, state.dropped_count, state.rejected_count) == (0, 0, 0)


def test_a_second_agent_on_the_same_spool_is_told_so(tmp_path):
    """Exit code 2 and one sentence; the first agent does not notice."""
    with running(AgentProcess(tmp_path)) as agent:
        agent.wait_for_records(1)
        second = agent.call("run")
        assert second.returncode == 2
        sentence = f"another pantau-agent uses {agent.spool.parent}; stop it, or choose another spool"
        assert second.stderr == f"pantau-agent: {sentence}\n"
        agent.wait_for_records(agent.committed_count() + 2)


def test_the_spool_can_be_looked_at_while_the_agent_runs(tmp_path):
    """`pantau-agent spool` prints one JSON object."""
    with running(AgentProcess(tmp_path)) as agent:
        agent.wait_for_records(3)
        shown = agent.call("spool")
        assert shown.returncode == 0, shown.stderr
        state = json.loads(shown.stdout)
        assert state["depth_count"] >= max(3, state["waiting_count"])
        assert state["spool_id"] == agent.state().spool_id


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ('[broker]\nca_file = "FOLDER/missing.pem"', "broker: cannot read FOLDER/missing.pem: No such file"),
        ('[spool]\npath = "/proc/nothing/spool.db"', "cannot write /proc/nothing: No such file or directory"),
        ('[spool]\npath = "FOLDER"', "cannot open FOLDER: unable to open database file"),
        ('[speed]\nurl = "http://x.id"\nupload_s = 1', "speed: download_s and upload_s must be at least"),
    ],
    ids=["certificate", "folder", "path", "contradiction"],
)
def test_what_cannot_work_ends_at_once_with_2_and_one_sentence(tmp_path, lines, message):
    """No traceback, no broker needed to find out, and no half-started agent."""
    agent = AgentProcess(tmp_path)
    text = "" if "[spool]" in lines else f'[spool]\npath = "{agent.spool}"\n'
    agent.config.write_text(text + lines.replace("FOLDER", str(tmp_path)))
    ended = agent.call("run")
    assert ended.returncode == 2
    assert ended.stderr.startswith("pantau-agent: " + message.replace("FOLDER", str(tmp_path)))
    assert ended.stderr.count("\n") == 1


def test_a_closed_terminal_does_not_end_the_agent(tmp_path, embedded):
    """Logs that nobody can take are lost; measurements are not."""
    agent = AgentProcess(tmp_path, port=embedded.port)
    reader, writer = os.pipe()
    process = subprocess.Popen(agent.command("run"), stdout=writer, stderr=writer)
    os.close(writer)
    os.close(reader)
    agent.process = process
    with Collector(embedded.port, NAME), contextlib.ExitStack() as stack:
        stack.callback(process.wait)
        stack.callback(process.kill)
        agent.wait_for_records(1)
        agent.wait(lambda: agent.state().stored_count >= 3, "delivery")
        assert agent.stop() == 0


@pytest.fixture
def small_disk(tmp_path):
    """A file system of one MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    if os.geteuid() != 0 or mount is None:
        pytest.skip("needs root and mount: a full disk is made with a small tmpfs")
    command = [mount, "-t", "tmpfs", "-o", "size=1m", "none", folder]
    made = subprocess.run(command, capture_output=True, text=True)
    if made.returncode != 0:
        pytest.skip(f"this machine mounts no tmpfs: {made.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_stops_no_measuring(tmp_path, small_disk):
    """It is logged once; what is measured meanwhile waits in memory, and is all there when there is room."""
    filler = small_disk / "filler"
    with running(AgentProcess(tmp_path, spool=small_disk / "spool" / "spool.db")) as agent:
        agent.wait_for_records(3)
        with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"x" * 4096)
        agent.wait_for_log("spool.commit_failing")
        time.sleep(1.5)
        stuck_at = agent.committed_count()
        filler.unlink()
        agent.wait_for_log("spool.commit_recovered")
        agent.wait_for_records(stuck_at + 20)
        assert agent.stop() == 0
    assert agent.log.count("spool.commit_failing") == 1
    assert agent.state().dropped_count == 0
    assert everything_is_in(agent)
