"""What the ledger says is what crossed the line: every byte of the agent, measured at the interface."""

from __future__ import annotations

import time

import pytest
from tests.agent.budget import line
from tests.fakes import network

pytestmark = pytest.mark.alone

WITHIN_RATIO = 0.03
CONFIG = f"""\
device = "{line.DEVICE}"
start_spread_ratio = 0
[broker]
host = "{network.FAR_ADDRESS}"
reconnect_spread_s = 0
[spool]
path = "FOLDER/spool.db"
commit_interval_s = 0.5
[budget]
month_mb = 1000
[traffic]
interface = "link0"
period_s = 1
sample_s = 0.5
[latency]
period_s = 2
packets_count = 40
targets = [
    {{ target = "testpoint", host = "{network.FAR_ADDRESS}", stamp_port = {line.STAMP_PORT} }},
    {{ target = "internet", host = "{network.FAR_ADDRESS}", tcp_port = {line.PAGE_PORT}, method = "tcp" }},
]
[http]
pages = ["http://{network.FAR_ADDRESS}:{line.PAGE_PORT}/"]
period_s = 2
"""
SPEED = f"""\
[speed]
url = "http://{network.FAR_ADDRESS}:{line.TESTPOINT_PORT}"
period_s = 600
download_s = 1.5
download_discard_s = 0.5
upload_s = 1.5
upload_discard_s = 0.5
stable_stop = false
"""


@pytest.fixture(scope="module", autouse=True)
def _possible():
    if reason := network.why_not() or line.why_not():
        pytest.skip(reason)


@pytest.mark.parametrize(
    ("more", "rate_mbit", "purposes"),
    [
        ("", None, {"latency", "http", "publishing"}),
        (SPEED, 40, {"latency", "http", "publishing", "speed"}),
    ],
    ids=["small change", "speed test"],
)
def test_every_byte_that_crossed_the_line_is_in_the_ledger(tmp_path, more, rate_mbit, purposes):
    """Headers, handshakes, acknowledgements and repetitions included, to within three percent."""
    with network.two_hosts(rate_mbit=rate_mbit) as (near, far), line.peers(far, tmp_path):
        line.send_true_frames(near, far)
        agent = line.Agent(near, tmp_path, CONFIG.replace("FOLDER", str(tmp_path / "agent")) + more)
        before = line.carried_bytes(near)
        with agent.running():
            agent.wait(lambda: purposes <= agent.used().keys(), "a use of every purpose")
            time.sleep(8)
        used = agent.used()
        carried = line.carried_bytes(near) - before
    booked = sum(entry.both for entry in used.values())
    assert booked == pytest.approx(carried, rel=WITHIN_RATIO), used
