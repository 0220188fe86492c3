"""The whole agent with a data budget: what is recorded, what a kill leaves, what a person's test adds."""

from __future__ import annotations

import contextlib
import json
import sqlite3

import pytest
from tests.agent.support.process import AgentProcess, running
from tests.fakes.librespeed import Behaviour, LibreSpeed

from pantau_agent.budget import ledger

LOOPBACK = 2
"""A loopback counts each byte as sent and as received."""
SPEED = """\
[speed]
url = "{url}"
period_s = {period_s}
download_s = {seconds}
download_discard_s = 0.1
upload_s = {seconds}
upload_discard_s = 0.1
busy_line_tries = 0
[budget]
month_mb = {month_mb}
"""


@pytest.fixture
def server():
    with LibreSpeed(Behaviour(rate_bps=20_000_000)) as started:
        yield started


def agent_with(folder, server, *, month_mb, period_s=0.5, seconds=0.7):
    agent = AgentProcess(folder)
    more = SPEED.format(url=server.url, month_mb=month_mb, period_s=period_s, seconds=seconds)
    agent.config.write_text(agent.config.read_text() + more)
    return agent


def account_of(agent):
    """Return what is used of each purpose, and what is reserved; nothing while the file is being made."""
    try:
        account, reserved_bytes = ledger.read(agent.spool.with_name("budget.db"))
    except ledger.BudgetError:
        return {}, 0
    return account.get(max(account, default=""), {}), reserved_bytes


def recorded(agent, kind):
    """Return the measurements of a kind that the spool holds, with or without a time."""
    with contextlib.closing(sqlite3.connect(agent.spool)) as db:
        rows = db.execute("SELECT data FROM record UNION ALL SELECT data FROM waiting").fetchall()
    found = [json.loads(data) for (data,) in rows]
    return [measurement for measurement in found if measurement["kind"] == kind]


def test_a_spent_budget_is_recorded_by_the_test_that_does_not_run(tmp_path, server):
    """The first fits; then less is left than the next would cost, and its record says so."""
    with running(agent_with(tmp_path, server, month_mb=9)) as agent:

        def withheld():
            return [found for found in recorded(agent, "speed") if found.get("failure") == "budget"]

        agent.wait_for_records(1)
        agent.wait(withheld, "a test that is withheld")
        first, found = recorded(agent, "speed")[0], withheld()[0]
        assert first["download_goodput_bps"] > 0
        assert found["limited_by"] == "budget"
        assert "the data budget has not enough left" in found["failure_detail"]
        agent.wait(lambda: recorded(agent, "device")[-1]["budget_state"] == "spent", "the device to say so")
        device = recorded(agent, "device")[-1]
        assert device["budget_bytes"] == 9_000_000
        assert 0 < device["budget_used_bytes"] <= LOOPBACK * 9_000_000
        assert agent.log.count("budget.spent") == 1
        used, _ = account_of(agent)
        assert used["speed"].both <= LOOPBACK * 9_000_000
        assert agent.stop() == 0


def test_a_kill_in_the_middle_of_a_test_gives_no_bytes_away(tmp_path, server):
    """What was reserved before the test is used after it, though nobody could count it."""
    agent = agent_with(tmp_path, server, month_mb=1_000, period_s=600, seconds=20)
    with running(agent):
        agent.wait(lambda: account_of(agent)[1] > 0, "a reservation")
        _, reserved_bytes = account_of(agent)
        agent.kill()
    server.wait_until_idle()
    with running(agent):
        agent.wait(lambda: "speed" in account_of(agent)[0], "the reservation to be used up")
        used, _ = account_of(agent)
        assert used["speed"].both >= reserved_bytes
        assert agent.stop() == 0


def test_a_persons_test_counts_beside_the_running_agent(tmp_path, server):
    agent = agent_with(tmp_path, server, month_mb=1_000, period_s=600)
    with running(agent):
        agent.wait(lambda: "speed" in account_of(agent)[0], "the agent's own test")
        before = account_of(agent)[0]["speed"].both
        done = agent.call("test", "--json", "--once")
        assert done.returncode == 0, done.stderr
        after = account_of(agent)[0]["speed"].both
        found = json.loads(done.stdout)["measurements"][-1]
        assert after - before >= found["download_bytes"] + found["upload_bytes"]
        assert agent.stop() == 0
