"""What was built gets into Grafana, once: a second time changes nothing."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

import pytest
from tests.dashboards.push import folders
from tests.fakes import grafana as grafanas

from pantau_dashboards.alerting.cli import FOLDER as ALERTING
from pantau_dashboards.errors import DashboardsError
from pantau_dashboards.push import cli

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.fakes.grafana import SmallGrafana

RULES = "rules-33.10.json"


@pytest.fixture
def grafana() -> Iterator[SmallGrafana]:
    with grafanas.running() as server:
        yield server


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PANTAU_TEST_BOT_TOKEN", "123:secret")
    return folders.build(tmp_path / "built")


@pytest.fixture
def run(
    grafana: SmallGrafana, built: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """Run a command as `pantau-dashboards` would; return its exit code and what it said."""

    def command(name: str, *more: str) -> tuple[int, str]:
        arguments = _parse(name, "--url", grafana.url, "--token", grafanas.TOKEN, "--from", str(built), *more)
        code = arguments.function(arguments)
        return code, capsys.readouterr().out

    return command


def _parse(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    cli.add_arguments(parser.add_subparsers())
    return parser.parse_args(arguments)


def test_an_empty_grafana_gets_everything_in_an_order_that_it_accepts(run, grafana: SmallGrafana):
    code, said = run("push", "--lang", "en")
    assert code == 0
    assert set(grafana.folders) == {"pantau-id", "pantau-en", "pantau-alerts"}
    assert {uid: found["meta"]["folderUid"] for uid, found in grafana.dashboards.items()} == {
        "pantau-id-test": "pantau-id",
        "pantau-en-test": "pantau-en",
    }
    assert set(grafana.templates) == {"pantau", "pantau-names"}
    assert set(grafana.contacts) == {"pantau-noc", "pantau-telegram"}
    assert grafana.policies["receiver"] == "pantau-noc"
    assert set(grafana.groups) == {
        "33.10 Kabupaten Klaten 5m",
        "33.10 Kabupaten Klaten 15m",
        "pipeline 1m",
        "pipeline 15m",
    }
    assert said.splitlines()[-1] == "new: 13, changed: 1, removed: 0, as wanted: 0"


def test_a_secret_comes_from_the_environment_and_is_kept_from_the_output(run, grafana: SmallGrafana):
    _, said = run("push")
    assert grafana.contacts["pantau-telegram"]["settings"]["bottoken"] == "123:secret"
    assert "secret" not in said


def test_a_second_push_writes_nothing(run, grafana: SmallGrafana):
    run("push")
    grafana.calls.clear()
    code, said = run("push", "--lang", "id")
    assert code == 0
    assert grafana.writes == []
    assert said == "baru: 0, berubah: 0, dihapus: 0, sudah sesuai: 14\n"


def test_hidden_secrets_are_sent_again_on_request_only(run, grafana: SmallGrafana):
    run("push")
    grafana.calls.clear()
    run("push", "--secrets")
    assert grafana.writes == [("PUT", "/api/v1/provisioning/contact-points/pantau-telegram")]


def test_diff_says_what_push_would_do_and_does_nothing(run, grafana: SmallGrafana):
    code, said = run("diff")
    assert code == 1
    assert "+ folder pantau-alerts" in said
    assert grafana.writes == []
    run("push")
    assert run("diff")[0] == 0


def test_what_somebody_changed_by_hand_is_named_and_put_right(run, grafana: SmallGrafana):
    run("push")
    rule = grafana.groups["pipeline 1m"]["rules"][0]
    rule["for"] = "1h"
    code, said = run("diff")
    assert code == 1
    assert "~ rules pipeline 1m\n    rules[0].for: 1h -> 10m\n" in said
    run("push")
    assert grafana.groups["pipeline 1m"]["rules"][0]["for"] == "10m"


def test_of_two_long_texts_the_place_is_shown_where_they_differ(run, grafana: SmallGrafana):
    run("push")
    grafana.templates["pantau"]["template"] = grafana.templates["pantau"]["template"].replace(
        "Pantau", "Mine"
    )
    _, said = run("diff")
    shown = said.splitlines()[1]
    assert shown.startswith("    template: …")
    assert "Mine" in shown.split(" -> ")[0]
    assert "Pantau" in shown.split(" -> ")[1]


def test_a_new_title_changes_that_dashboard_only(run, grafana: SmallGrafana, built: Path):
    run("push")
    path = built / "en" / "village.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "title": "Other"}))
    grafana.calls.clear()
    run("push")
    assert grafana.writes == [("POST", "/api/dashboards/db")]
    assert grafana.dashboards["pantau-en-test"]["dashboard"]["title"] == "Other"


def test_rules_of_a_regency_that_left_are_removed_and_others_stay(run, grafana: SmallGrafana, built: Path):
    run("push")
    grafana.groups["by hand"] = {"folderUid": "other", "rules": [_rule("by-hand", "other", "by hand")]}
    (built / ALERTING / RULES).unlink()
    code, said = run("push", "--lang", "en")
    assert code == 0
    assert "- rule pantau-delay-33-10 (33.10 Kabupaten Klaten 5m)" in said
    assert set(grafana.groups) == {"pipeline 1m", "pipeline 15m", "by hand"}


def test_a_rule_that_moves_to_another_group_is_not_removed(run, grafana: SmallGrafana, built: Path):
    run("push")
    path = built / ALERTING / RULES
    content = json.loads(path.read_text())
    for group in content["groups"]:
        group["name"] = f"{group['name']} anew"
    path.write_text(json.dumps(content))
    run("push")
    assert not any(method == "DELETE" for method, _ in grafana.writes)


def test_a_contact_that_left_is_removed_after_the_policies(run, grafana: SmallGrafana, built: Path):
    run("push")
    only = folders.CONTACTS.replace('pipeline = "telegram"', "").split("[contact.telegram]")[0]
    folders.build(built, text=only)
    grafana.calls.clear()
    run("push")
    assert set(grafana.contacts) == {"pantau-noc"}
    assert [path.rsplit("/", 1)[-1] for _, path in grafana.writes] == ["policies", "pantau-telegram"]


def test_without_contacts_those_of_grafana_stay(run, grafana: SmallGrafana, built: Path):
    run("push")
    path = built / ALERTING / "notifications.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({"apiVersion": 1, "templates": content["templates"]}))
    assert run("diff")[0] == 0
    run("push")
    assert set(grafana.contacts) == {"pantau-noc", "pantau-telegram"}


@pytest.mark.parametrize("path", ["/grafana", "/grafana/"])
def test_grafana_under_a_path_is_found(run, grafana: SmallGrafana, path: str):
    grafana.prefix = "/grafana"
    grafana.url += path
    assert run("push")[0] == 0
    assert grafana.writes


def test_a_refusal_is_told_with_grafanas_words(run, grafana: SmallGrafana):
    grafana.refusal = (403, "You'll need additional permissions: folders:read")
    with pytest.raises(DashboardsError, match=r"127\.0\.0\.1:\d+: .*additional permissions: folders:read"):
        run("diff")


def test_a_wrong_token_is_told(grafana: SmallGrafana, built: Path):
    arguments = _parse("diff", "--url", grafana.url, "--token", "wrong", "--from", str(built))
    with pytest.raises(DashboardsError, match="Unauthorized"):
        arguments.function(arguments)


def test_nobody_at_the_address_is_told(built: Path, grafana: SmallGrafana):
    arguments = _parse("diff", "--url", "http://127.0.0.1:9", "--token", "t", "--from", str(built))
    with pytest.raises(DashboardsError, match=r"http://127\.0\.0\.1:9: "):
        arguments.function(arguments)


def test_no_token_at_all_is_told_before_anything_else(built: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(cli.VARIABLE, raising=False)
    arguments = _parse("diff", "--url", "http://127.0.0.1:9", "--from", str(built), "--lang", "en")
    with pytest.raises(DashboardsError, match=r"say --token, or set PANTAU_GRAFANA_TOKEN"):
        arguments.function(arguments)


def test_a_secret_that_the_environment_lacks_is_told(run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("PANTAU_TEST_BOT_TOKEN")
    with pytest.raises(DashboardsError, match=r"name \$PANTAU_TEST_BOT_TOKEN, which the environment"):
        run("push")


def test_a_folder_where_nothing_was_built_is_told(tmp_path: Path, grafana: SmallGrafana):
    arguments = _parse("push", "--url", grafana.url, "--token", grafanas.TOKEN, "--from", str(tmp_path))
    with pytest.raises(DashboardsError, match="nothing was built there"):
        arguments.function(arguments)


def _rule(uid: str, folder: str, group: str) -> dict[str, str]:
    return {"uid": uid, "folderUID": folder, "ruleGroup": group}
