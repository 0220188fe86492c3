"""`pantau-demo --fleet AREA` as a person runs it: past and present in the portal, an account at the end."""

import datetime as dt
import json
import subprocess
import sys
import urllib.request
from pathlib import Path

from tests.fakes.brokers import free_port

PROGRAM = Path(sys.executable).parent / "pantau-demo"


def test_a_district_is_shown_with_its_past_and_its_present(tmp_path):
    """Villages stand in the portal; what was sent is stored; past and present have no hole between them."""
    port, state = free_port(), tmp_path / "state"
    words = ["--fleet", "33.10.25", "--port", str(port), "--duration", "25", "--json", "--state", str(state)]
    pages = {}
    with subprocess.Popen(
        [PROGRAM, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as demo:
        assert demo.stderr is not None
        assert demo.stdout is not None
        said = []
        for line in demo.stderr:
            said.append(line)
            if "records waiting" in line:  # the fleet's first report: the analysis has looked around as well
                for path in ("devices", "villages/33.10.25.2007"):
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=20) as answer:
                        pages[path] = answer.read().decode()
        account = json.loads(demo.stdout.read())
    assert demo.returncode == 0, said
    assert "Jomboran" in pages["devices"]
    assert "Jomboran" in pages["villages/33.10.25.2007"]
    assert account["villages"] == 9
    assert account["records_stored"] > 0
    assert account["records_unanswered"] == account["records_rejected"] == 0
    audit = [
        PROGRAM.with_name("pantau-collector"),
        "--config",
        state / "collector.toml",
        "audit",
        "--lang",
        "en",
    ]
    since = dt.datetime.now(dt.UTC) - dt.timedelta(hours=20)
    done = subprocess.run([*audit, "--since", since.isoformat()], capture_output=True, text=True, check=False)
    assert "complete: every measurement is stored" in done.stdout, done.stdout + done.stderr


def test_an_area_that_is_too_large_or_unknown_is_refused_with_what_would_be_right(tmp_path):
    """Nothing is filled, nothing is left running."""
    for area, complaint in (("33", "take at most 3,000"), ("atlantis", "no area is called atlantis")):
        words = ["--fleet", area, "--port", "0", "--state", str(tmp_path / area)]
        done = subprocess.run([PROGRAM, *words], capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 2
        assert complaint in done.stderr
