"""The demo, from the built wheel: a minute of it, what its portal draws, and what survives SIGKILL."""

import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright
from tests.fakes.chromium import FLAGS
from tests.system.demo import running_demo, stored_values, times_stored

pytestmark = [pytest.mark.system, pytest.mark.alone]

BUILD = Path(__file__).parents[2] / "build"
PLOTTED = {
    "speed": ("download_goodput_bps", "upload_goodput_bps"),
    "latency": ("rtd_p50_ms",),
    "traffic": ("rx_rate_bps", "tx_rate_bps"),
}


def test_a_minute_of_the_demo_draws_what_is_stored(wheel_bin, chromium, tmp_path):
    """Every value that the portal plots equals the stored one, and everything committed went through."""
    with running_demo(wheel_bin, tmp_path, 60) as demo, sync_playwright() as playwright:
        url = demo.url()
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 1100}, locale="id-ID")
        complaints = []
        page.on(
            "console", lambda message: complaints.append(message.text) if message.type == "error" else None
        )
        page.goto(url)
        page.get_by_role("link", name=re.compile("Jomboran")).click()
        page.wait_for_selector("svg [data-field=download_goodput_bps]", state="attached", timeout=60_000)
        drawn = page.locator("svg [data-field=rtd_p50_ms]")
        before = drawn.count()
        demo.wait_for(lambda: drawn.count() > before, "a new point without a reload")
        tests = page.locator("svg [data-field=download_goodput_bps]")
        demo.wait_for(lambda: tests.count() >= 2, "a second speed test")
        plotted = {kind: read_marks(page, fields) for kind, fields in PLOTTED.items()}
        BUILD.mkdir(exist_ok=True)
        page.screenshot(path=BUILD / "portal-device.png", full_page=True)
        page.goto(url)
        page.screenshot(path=BUILD / "portal-overview.png")
        browser.close()
        code, account = demo.finish()
    assert complaints == []
    for kind, marks in plotted.items():
        stored = stored_values(tmp_path, kind)
        assert marks, f"no {kind} was plotted"
        for mark in marks:
            assert mark["value"] == stored[mark["seq"], mark["field"]]
            assert mark["time_ns"] == stored[mark["seq"], "time_ns"]
        assert_positions_are_linear(marks)
    assert code == 0, demo.lines
    assert account["published"] == account["stored"] == account["acked"] > 0
    assert account["dead_letters"] == 0
    assert account["missing"] == []
    for kind in ("speed", "latency", "traffic"):
        assert account[kind]["count"] > 0


def read_marks(page: Page, fields: tuple[str, ...]) -> list[dict]:
    """Return the drawn marks of some fields: value, time, seq, and where their middle is on the screen."""
    script = """
    field => [...document.querySelectorAll(`svg [data-field=${field}]`)].map(mark => {
        const box = mark.getBoundingClientRect(), of = mark.dataset;
        return {field, value: of.value, time_ns: of.timeNs, seq: of.seq,
                x: box.x + box.width / 2, y: box.y + box.height / 2};
    })
    """
    marks = [mark for field in fields for mark in page.evaluate(script, field)]
    return [
        {**mark, "value": float(mark["value"]), "time_ns": int(mark["time_ns"]), "seq": int(mark["seq"])}
        for mark in marks
    ]


def assert_positions_are_linear(marks: list[dict]) -> None:
    """A mark stands where its value and time belong: equal steps of value are equal steps on the screen."""
    assert_linear([(mark["value"], -mark["y"]) for mark in marks])
    start_ns = min(mark["time_ns"] for mark in marks)
    assert_linear([((mark["time_ns"] - start_ns) / 1e9, mark["x"]) for mark in marks])


def assert_linear(points: list[tuple[float, float]]) -> None:
    low, high = min(points), max(points)
    if low[0] == high[0]:
        return
    slope = (high[1] - low[1]) / (high[0] - low[0])
    assert slope >= 0
    for value, position in points:
        assert abs(low[1] + slope * (value - low[0]) - position) < 1.0, "a mark stands in the wrong place"


def test_sigkill_of_collector_and_broker_loses_and_doubles_nothing(wheel_bin, tmp_path):
    """Killed in the middle of the minute and started again, every `seq` is in the store exactly once."""
    with running_demo(wheel_bin, tmp_path, 60) as demo:
        demo.url()
        for victims in (["collector"], ["broker"], ["collector", "broker"]):
            time.sleep(9)
            pids = demo.pids()
            for victim in victims:
                os.kill(pids[victim], signal.SIGKILL)
            demo.wait_for(
                lambda before=pids, killed=victims: all(demo.pids()[name] != before[name] for name in killed),
                f"restart of {victims}",
            )
        code, account = demo.finish()
    counts = times_stored(tmp_path)
    assert account["published"] > 0
    assert dict(counts) == dict.fromkeys(range(1, account["published"] + 1), 1), demo.logs()
    assert code == 0, "".join(demo.lines) + demo.logs()
    assert sum("SIGKILL" in line for line in demo.lines) == 4


@pytest.mark.parametrize("broker", ["embedded", "mosquitto"])
def test_ctrl_c_stops_every_process(wheel_bin, tmp_path, broker):
    """Nothing is left running or listening, and what was measured was delivered first."""
    if broker == "mosquitto" and not Path("/usr/sbin/mosquitto").exists():
        pytest.skip("Mosquitto is not installed: apt-get install mosquitto")
    with running_demo(wheel_bin, tmp_path, None, "--broker", broker) as demo:
        demo.wait_for(
            lambda: any("measurements stored" in line for line in demo.lines), "a first measurement"
        )
        pids = demo.pids()
        demo.process.send_signal(signal.SIGINT)
        code, account = demo.finish()
    assert code == 0
    assert account["published"] == account["stored"] == account["acked"] > 0
    assert [name for name, pid in pids.items() if Path(f"/proc/{pid}").exists()] == []


def test_a_busy_port_is_named_with_a_free_one(wheel_bin, tmp_path):
    """The message says what to type instead, and nothing is started."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [wheel_bin / "pantau-demo", "--port", str(port), "--state", tmp_path],
            capture_output=True,
            text=True,
        )
    assert done.returncode == 2
    assert f"port {port} is in use" in done.stderr
    assert re.search(r"pantau-demo --port \d+", done.stderr)
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_two_demos_run_side_by_side(wheel_bin, tmp_path):
    """Only the portal's port is fixed; everything else finds a free one."""
    with (
        running_demo(wheel_bin, tmp_path / "a", 8) as first,
        running_demo(wheel_bin, tmp_path / "b", 8) as second,
    ):
        accounts = [demo.finish()[1] for demo in (first, second)]
    for account in accounts:
        assert account["published"] == account["stored"] == account["acked"] > 0
