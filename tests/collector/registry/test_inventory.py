"""The registry as Ansible reads it: asked with Ansible's own command."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pantau_collector.registry import inventory, reader

A, B, PAPUA = "33.10.26.2008", "33.10.25.2007", "91.03.01.2017"
ROWS = f"""device,village,since,provider,technology,state
one,{A},2026-01-01T00:00:00+07:00,Lintas,fibre,
two,{B},2026-01-01T00:00:00+07:00,,4g,
far,{PAPUA},2026-01-01T00:00:00+09:00,,,
gone,{A},2026-01-01T00:00:00+07:00,,fibre,retired
later,{A},2099-01-01T00:00:00+07:00,,fibre,
"""
GROUPS = {
    "agents": {"one", "two", "far"},
    "retired": {"gone"},
    "province_33": {"one", "two"},
    "regency_33_10": {"one", "two"},
    "regency_91_03": {"far"},
    "village_33_10_26_2008": {"one"},
    "technology_fibre": {"one"},
    "technology_4g": {"two"},
}


@pytest.fixture
def registry(tmp_path):
    path = tmp_path / "devices.csv"
    path.write_text(ROWS)
    return path


def as_file(registry, tmp_path):
    path = tmp_path / "inventory.json"
    path.write_text(json.dumps(inventory.static(reader.read(registry))))
    return path


def as_script(registry, tmp_path):
    path = tmp_path / "inventory.sh"
    path.write_text(
        f'#!/bin/sh\nexec {sys.executable} -m pantau_collector registry inventory {registry} "$@"\n'
    )
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("form", [as_file, as_script])
def test_ansible_finds_the_devices_in_their_groups_with_their_place(registry, tmp_path, form):
    command = [Path(sys.executable).parent / "ansible-inventory", "-i", form(registry, tmp_path), "--list"]
    asked = subprocess.run(command, capture_output=True, text=True)
    assert asked.returncode == 0, asked.stderr
    found = json.loads(asked.stdout)

    def members(group):
        inside = found[group]
        return set(inside.get("hosts", [])).union(*map(members, inside.get("children", [])))

    assert {group: members(group) for group in GROUPS} == GROUPS
    variables = found["_meta"]["hostvars"]
    assert variables["one"]["agent_village"] == A
    assert variables["one"]["pantau_place"] == "Tegalyoso, Klaten Selatan, Kabupaten Klaten, Jawa Tengah"
    assert variables["far"]["agent_timezone"] == "Asia/Jayapura"
    assert "later" not in variables
