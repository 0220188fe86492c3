"""Against a Grafana that whoever runs the tests started: push, query through it, and hear of what fires.

Set PANTAU_TEST_GRAFANA_URL and PANTAU_TEST_GRAFANA_TOKEN (service account, role Admin); Grafana must reach
this machine's loopback. Use an instance that nobody needs: the tests replace its policies and data sources.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import requests
from tests.dashboards.alerting.cases import CASES
from tests.dashboards.alerting.evaluator import evaluate
from tests.dashboards.alerting.simulated import NGARAN, lines
from tests.fakes import influxd, webhook

from pantau_dashboards import cli
from pantau_dashboards.alerting.cli import FOLDER as ALERTING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

URL = os.environ.get("PANTAU_TEST_GRAFANA_URL", "")
TOKEN = os.environ.get("PANTAU_TEST_GRAFANA_TOKEN", "")
pytestmark = pytest.mark.skipif(not URL, reason="PANTAU_TEST_GRAFANA_URL names no Grafana")

SOURCES = ("pantau-raw", "pantau-rollup", "pantau-history")
PATIENCE_S = 180.0
DEVICES = """\
device,village,since,profile
klaten-001,33.10.25.2007,2026-01-01T00:00:00+07:00,default
klaten-002,33.10.25.2009,2026-01-01T00:00:00+07:00,default
klaten-003,33.10.26.2001,2026-01-01T00:00:00+07:00,satelit
"""
FIRING = (
    "village_silent",
    "link_down",
    "loss",
    "download",
    "clock",
    "surge_utilization",
    "pipeline_lag",
    "breaker",
)


@dataclass
class World:
    """A Grafana that was pushed to, its database, whom it tells, and what was built."""

    influx: influxd.Influxd
    database: str
    hook: webhook.Webhook
    built: Path
    now_s: int

    def rules(self) -> dict[str, dict[str, Any]]:
        """Return the rules of the files by uid."""
        contents = [json.loads(path.read_text()) for path in (self.built / ALERTING).glob("rules-*.json")]
        groups = [group for content in contents for group in content["groups"]]
        return {rule["uid"]: rule for group in groups for rule in group["rules"]}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Everything pushed, as quick as Grafana evaluates, over rows that fire some rules."""
    folder = tmp_path_factory.mktemp("grafana")
    with influxd.running(tmp_path_factory.mktemp("influxd")) as server, webhook.listening() as hook:
        world = World(server, server.new_database(), hook, _built(folder, hook.url), int(time.time()))
        rows = [row for name in FIRING for row in CASES[name].firing]
        server.write(lines(rows, world.now_s), world.database)
        _name_sources(world)
        assert _run(world, "push") == 0
        yield world
        _forget()


def test_pushing_again_has_nothing_to_do(world: World, capsys: pytest.CaptureFixture[str]):
    code = _run(world, "diff")
    assert code == 0, capsys.readouterr().out


def test_every_rule_is_evaluated_without_an_error(world: World):
    def health() -> dict[str, str]:
        return {rule["uid"]: f"{rule['health']} {rule.get('lastError', '')}".strip() for rule in _states()}

    wanted = world.rules()
    found = _wait(health, lambda found: set(found) == set(wanted) and "unknown" not in found.values())
    assert {uid: said for uid, said in found.items() if said not in ("ok", "nodata")} == {}


def test_grafana_fires_where_our_evaluation_does_and_nowhere_else(world: World):
    sources = dict.fromkeys(SOURCES, world.database)
    expected = {
        (uid, labels)
        for uid, rule in world.rules().items()
        for labels in evaluate(rule, world.influx.url, sources, world.now_s).firing
    }
    assert expected

    def firing() -> set[tuple[str, frozenset[tuple[str, str]]]]:
        return {
            (rule["uid"], _of_query(alert["labels"], rule["labels"]))
            for rule in _states()
            for alert in rule.get("alerts", ())
            if alert["state"].startswith("Alerting") and "ref_id" not in alert["labels"]
        }

    missing = expected - _wait(firing, lambda found: expected <= found)
    assert not missing
    unexpected = {uid for uid, _ in firing() - expected} - {"pantau-collectors", "pantau-analysis"}
    assert not unexpected


def test_a_query_through_grafana_has_the_databases_answer(world: World):
    rule = world.rules()["pantau-village-silent-33-10"]
    body = {"from": "now-1h", "to": "now", "queries": [rule["data"][0]["model"]]}
    frames = _api("POST", "/api/ds/query", body)["results"]["query_silent"]["frames"]
    found = {
        frame["schema"]["fields"][1]["labels"]["village"]: frame["data"]["values"][1] for frame in frames
    }
    assert found[NGARAN] == [61]


def test_people_hear_what_happened_where_since_when_how_strong_and_where_to_look(world: World):
    def told() -> list[dict[str, Any]]:
        title = "33.10 Kabupaten Klaten: Desa diam"
        return [message for message in world.hook.messages if message["title"] == title]

    message = _wait(told, bool)[0]
    text = message["message"]
    assert "Tidak ada perangkat desa yang melapor" in text
    assert f"• Jomboran {NGARAN}: diam selama 61 menit" in text
    assert " WIB\n" in text
    assert (
        f"/d/pantau-id-village?var-province=33&var-regency=33.10&var-district=33.10.25&var-village={NGARAN}"
        in text
    )


def test_every_dashboard_is_there_in_its_folder(world: World):
    for path in sorted((world.built / "dashboards").glob("*/*.json")):
        uid = json.loads(path.read_text())["uid"]
        assert _api("GET", f"/api/dashboards/uid/{uid}")["meta"]["folderUid"] == f"pantau-{path.parent.name}"


def _built(folder: Path, hook: str) -> Path:
    registry, people, out = folder / "devices.csv", folder / "contacts.toml", folder / "built"
    registry.write_text(DEVICES)
    people.write_text(f'default = "noc"\n[contact.noc]\ntype = "webhook"\nsettings = {{ url = "{hook}" }}\n')
    files = ["--registry", str(registry), "--contacts", str(people), "--out", str(out)]
    assert cli.main(["build", *files]) == 0
    for path in (out / ALERTING).glob("rules-*.json"):
        content = json.loads(path.read_text())
        for group in content["groups"]:
            group["interval"] = "10s"
            for rule in group["rules"]:
                rule["for"] = "0s"
        path.write_text(json.dumps(content))
    path = out / ALERTING / "notifications.json"
    content = json.loads(path.read_text())
    content["policies"][0] |= {"group_wait": "1s", "group_interval": "5s", "repeat_interval": "1m"}
    path.write_text(json.dumps(content))
    return out


def _name_sources(world: World) -> None:
    for uid in SOURCES:
        requests.delete(f"{URL}/api/datasources/uid/{uid}", headers=_headers(), timeout=30)
        source = {
            "uid": uid,
            "name": uid,
            "type": "influxdb",
            "access": "proxy",
            "url": world.influx.url,
            "jsonData": {"dbName": world.database, "httpMode": "GET"},
        }
        _api("POST", "/api/datasources", source)


def _run(world: World, command: str) -> int:
    return cli.main([command, "--url", URL, "--token", TOKEN, "--from", str(world.built)])


def _forget() -> None:
    """Remove the rules, which would look for a database that is gone."""
    requests.delete(f"{URL}/api/folders/pantau-alerts?forceDeleteRules=true", headers=_headers(), timeout=60)


def _states() -> list[dict[str, Any]]:
    groups = _api("GET", "/api/prometheus/grafana/api/v1/rules")["data"]["groups"]
    return [rule for group in groups for rule in group["rules"] if rule["uid"].startswith("pantau-")]


def _of_query(labels: dict[str, str], of_rule: dict[str, str]) -> frozenset[tuple[str, str]]:
    """Return the labels that came from the query: those that neither the rule nor Grafana set."""
    return frozenset(
        (name, value)
        for name, value in labels.items()
        if name not in of_rule and name not in ("alertname", "grafana_folder") and not name.startswith("__")
    )


def _wait(look: Callable[[], Any], done: Callable[[Any], bool]) -> Any:
    """Look until it is done; return what was seen last."""
    deadline = time.monotonic() + PATIENCE_S
    while not done(found := look()) and time.monotonic() < deadline:
        time.sleep(1)
    return found


def _api(method: str, path: str, body: object = None) -> Any:
    answer = requests.request(method, f"{URL}{path}", json=body, headers=_headers(), timeout=60)
    assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
    return answer.json()


def _headers() -> dict[str, str]:
    return {"Authorization": f"Bearer {TOKEN}"}
