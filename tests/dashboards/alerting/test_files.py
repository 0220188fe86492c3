"""The alerting files: one of rules a regency, from the registry's CSV, and one of what people are told."""

from __future__ import annotations

import argparse
import json
import re
from typing import TYPE_CHECKING

import pytest
from tests.dashboards.alerting.simulated import KLATEN
from tests.dashboards.push.folders import CONTACTS

from pantau_dashboards.alerting import cli, messages
from pantau_dashboards.alerting.regencies import Regency
from pantau_dashboards.errors import DashboardsError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HEAD = "device,village,since,profile,state\n"
DEVICES = f"""{HEAD}\
klaten-001,33.10.25.2007,2026-01-01T00:00:00+07:00,default,active
klaten-002,33.10.25.2009,2026-01-01T00:00:00+07:00,satelit,active
jayapura-001,91.03.01.2017,2026-01-01T00:00:00+09:00,satelit,active
aceh-001,11.01.01.2001,2026-01-01T00:00:00+07:00,default,retired
"""


@pytest.fixture
def build(tmp_path: Path) -> Callable[..., dict[str, object]]:
    """Build from a registry as the command does; return the files' contents by name."""

    def built(registry: str | None, *more: str) -> dict[str, object]:
        parser = argparse.ArgumentParser()
        cli.add_arguments(parser)
        arguments = parser.parse_args(more)
        arguments.registry = None
        if registry is not None:
            arguments.registry = tmp_path / "devices.csv"
            arguments.registry.write_text(registry)
        cli.build(arguments, tmp_path / "out", "id")
        folder = tmp_path / "out" / cli.FOLDER
        return {path.name: json.loads(path.read_text()) for path in folder.iterdir()}

    return built


def _uids(content) -> list[str]:
    return [rule["uid"] for group in content["groups"] for rule in group["rules"]]


def test_each_regency_with_an_active_device_has_its_file_of_rules(build):
    files = build(DEVICES)
    assert set(files) == {"rules-33.10.json", "rules-91.03.json", "rules-pipeline.json", "notifications.json"}
    group = files["rules-33.10.json"]["groups"][0]
    assert group["name"] == "33.10 Kabupaten Klaten 5m"
    assert group["folder"] == "Pantau: peringatan"
    assert group["rules"][0]["title"] == "33.10 Kabupaten Klaten: Desa diam"


def test_satellites_are_told_apart_by_the_profile_in_the_registry(build):
    files = build(DEVICES)
    assert {"pantau-delay-33-10", "pantau-delay-33-10-satelit"} <= set(_uids(files["rules-33.10.json"]))
    jayapura = [uid for uid in _uids(files["rules-91.03.json"]) if "delay" in uid]
    assert jayapura == ["pantau-delay-91-03-satelit", "pantau-surge-delay-91-03-satelit"]


def test_without_a_registry_there_are_the_rules_on_ourselves(build):
    assert set(build(None)) == {"rules-pipeline.json", "notifications.json"}


def test_a_regency_that_left_takes_its_file_along(build):
    build(DEVICES)
    assert "rules-91.03.json" not in build("\n".join(DEVICES.splitlines()[:3]))


def test_a_nation_has_a_rule_for_each_province_and_kind(build):
    files = build(DEVICES, "--rules-by-province")
    assert set(files) == {"rules-33.json", "rules-91.json", "rules-pipeline.json", "notifications.json"}
    assert "pantau-village-silent-33" in _uids(files["rules-33.json"])


def test_a_wrong_registry_is_told_with_its_own_words(build):
    with pytest.raises(DashboardsError, match=r"devices.csv:2: unknown village code '33.10.99.2007'"):
        build(DEVICES.replace("33.10.25.2007", "33.10.99.2007"))


def test_contacts_are_written_beside_the_messages(build, tmp_path: Path):
    (tmp_path / "contacts.toml").write_text(CONTACTS)
    content = build(DEVICES, "--contacts", str(tmp_path / "contacts.toml"))["notifications.json"]
    assert [point["name"] for point in content["contactPoints"]] == ["pantau-noc", "pantau-telegram"]
    assert content["policies"][0]["receiver"] == "pantau-noc"
    assert "policies" not in build(DEVICES)["notifications.json"]


def test_a_village_is_called_by_its_name_in_messages(build):
    templates = {
        entry["name"]: entry["template"] for entry in build(DEVICES)["notifications.json"]["templates"]
    }
    assert '{{- if eq .Labels.village "33.10.25.2007" }}Jomboran {{ end -}}' in templates["pantau-names"]


def test_a_nations_names_are_left_out_of_messages():
    villages = tuple((f"33.10.25.{number:04}", f"Desa {number}") for number in range(messages.MAX_NAMES + 1))
    many = Regency("33.10", "Klaten", "33", "Jawa Tengah", "WIB", villages)
    assert "Desa" not in messages.names([many])
    assert "Ngaran" in messages.names([KLATEN])


def test_every_message_begins_and_ends_its_blocks():
    text = messages.words() + messages.names([KLATEN])
    opened = len(re.findall(r"\{\{-? ?(?:define|if|range|with)\b", text))
    assert opened == len(re.findall(r"\{\{-? ?end\b", text))


def test_both_languages_say_the_same_with_other_words():
    text = messages.words()
    for language in ("id", "en"):
        assert f'define "pantau.{language}.title"' in text
        assert f'define "pantau.{language}.message"' in text
        assert f".Annotations.what_{language}" in text
    assert "sejak {{" in text
    assert "since {{" in text
    assert "LANG" not in text
