"""The audit of what we ship: what it finds, excuses and counts as skipped."""

from __future__ import annotations

import datetime as dt
import importlib.util
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from types import ModuleType

SCRIPT = Path(__file__).parents[2] / "scripts" / "audit.py"
TODAY = dt.date(2026, 11, 22)
LINE = "PYSEC-2026-7 2026-12-31 we never parse XML\n"


@pytest.fixture
def audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("audit_script", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "audit_script", module)
    spec.loader.exec_module(module)
    module.IGNORE = tmp_path / "audit-ignore.txt"
    module.IGNORE.write_text("# nothing\n")
    return module


def output(*packages: dict[str, Any]) -> str:
    return json.dumps({"dependencies": list(packages), "fixes": []})


def vulnerable(name: str = "jinja2") -> dict[str, Any]:
    found = {
        "id": "PYSEC-2026-7",
        "fix_versions": ["3.9"],
        "aliases": ["CVE-2026-1", "GHSA-x"],
        "description": "",
    }
    return {"name": name, "version": "3.1", "vulns": [found]}


CLEAN = {"name": "msgspec", "version": "0.19", "vulns": []}
SILENT = {"name": "iotcore", "skip_reason": "Dependency not found on PyPI"}


def test_a_vulnerability_fails(audit: ModuleType):
    """What nobody excused ends the build, with what to install instead."""
    lines, well = audit.judge(audit.parse(output(CLEAN, vulnerable())), {})
    assert not well
    assert lines == [
        "VULNERABLE: jinja2 3.1: PYSEC-2026-7, CVE-2026-1, GHSA-x; fixed in 3.9",
        "2 package(s) looked at, 0 skipped, 1 finding(s)",
    ]


@pytest.mark.parametrize("name", ["PYSEC-2026-7", "CVE-2026-1", "GHSA-x"])
def test_an_excuse_counts_under_any_of_its_names(audit: ModuleType, name: str):
    """An excused finding is told, and passes."""
    excused = audit.excuses(f"{name} 2026-12-31 we never parse XML\n", TODAY)
    lines, well = audit.judge(audit.parse(output(vulnerable())), excused)
    assert well
    assert lines[0] == f"excused: jinja2 3.1: {name} until 2026-12-31"


def test_an_excuse_that_is_not_needed_is_told(audit: ModuleType):
    """After an upgrade the line can go; while packages are skipped nobody knows."""
    excused = audit.excuses(LINE, TODAY)
    assert (
        "no longer needed in audit-ignore.txt: PYSEC-2026-7"
        in audit.judge(audit.parse(output(CLEAN)), excused)[0]
    )
    lines, well = audit.judge(audit.parse(output(SILENT)), excused)
    assert well
    assert lines == [
        "SKIPPED: no answer for 1 package(s), such as iotcore: Dependency not found on PyPI",
        "0 package(s) looked at, 1 skipped, 0 finding(s)",
    ]


def test_an_excuse_ends(audit: ModuleType):
    """The day after its date an excuse fails the build, found or not."""
    assert audit.excuses(LINE, dt.date(2026, 12, 31))["PYSEC-2026-7"].reason == "we never parse XML"
    with pytest.raises(
        ValueError, match="line 1: PYSEC-2026-7 was excused until 2026-12-31: look at it again"
    ):
        audit.excuses(LINE, dt.date(2027, 1, 1))


@pytest.mark.parametrize("line", ["PYSEC-2026-7", "PYSEC-2026-7 2026-12-31", "PYSEC-2026-7 soon we will see"])
def test_an_excuse_has_an_id_a_date_and_a_reason(
    audit: ModuleType, line: str, capsys: pytest.CaptureFixture[str]
):
    """A line that lacks one of them fails before anybody is asked."""
    audit.IGNORE.write_text(f"# comment\n\n{line}\n")
    audit.ask = pytest.fail
    assert audit.main() == 1
    assert "line 3: an id, a date (YYYY-MM-DD) and a reason are wanted" in capsys.readouterr().out


def test_without_a_network_it_is_skipped_and_says_so(
    audit: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    """The real pip-audit, with a way out that leads nowhere: skipped with its reason, and no failure."""
    monkeypatch.setenv("PIP_CACHE_DIR", str(tmp_path))
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "")
    monkeypatch.setattr(audit, "OPTIONS", [*audit.OPTIONS, "--cache-dir", str(tmp_path), "--timeout", "5"])
    assert audit.main() == 0
    said = capsys.readouterr().out
    assert "audit: SKIPPED: " in said
    assert "audit: 0 package(s) looked at" in said
