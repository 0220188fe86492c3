"""`pantau-collector registry`, as a technician types it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import pytest

from pantau_collector.registry import cli, reader

if TYPE_CHECKING:
    from pathlib import Path

A, B = "33.10.26.2008", "33.10.25.2007"


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGUAGE", "en")


def run(*words: object) -> int:
    parser = argparse.ArgumentParser()
    cli.add_arguments(parser)
    return cli.run(parser.parse_args([str(word) for word in words]))


def test_a_registry_begins_with_its_first_device(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "devices.csv"
    assert run("add", path, "klaten-1", A, "--technology", "fibre", "--traffic-source") == 0
    assert "klaten-1 stands in 33.10.26.2008 since 20" in capsys.readouterr().out
    assert run("check", path) == 0
    assert f"{path} is good; devices: 1, villages: 1, version: " in capsys.readouterr().out
    assert run("show", path) == 0
    assert "33.10.26.2008 Tegalyoso" in capsys.readouterr().out


def test_check_tells_every_problem_in_the_language_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "devices.csv"
    path.write_text("device,village,since\nd,33.10.26.2998,now\n")
    assert run("check", path) == 1
    assert "did you mean 33.10.26.2008 (Tegalyoso" in capsys.readouterr().err
    assert run("check", "--lang", "id", path) == 1
    told = capsys.readouterr().err
    assert "maksud Anda 33.10.26.2008 (Tegalyoso" in told
    assert "tidak dapat dipakai; masalah: 2" in told


def test_the_terminal_chooses_the_language(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANGUAGE", "id_ID.UTF-8")
    assert run("check", tmp_path / "none.csv") == 1
    assert "berkas itu tidak ada" in capsys.readouterr().err


def test_add_refuses_what_breaks_a_rule(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "devices.csv"
    assert run("add", path, "groups", A) == 1
    assert run("add", path, "klaten-1", "33.10") == 1
    assert run("add", path, "klaten-1", A, "--since", "2026-11-01") == 1
    assert run("add", tmp_path / "none" / "devices.csv", "klaten-1", A) == 1
    assert not path.exists()
    told = capsys.readouterr().err
    assert "'2026-11-01' is not an instant" in told
    assert "is Kabupaten Klaten, not a village" in told


def test_show_gives_history_and_village(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "devices.csv"
    run("add", path, "d", A, "--since", "2026-01-01T00:00:00+07:00")
    run("add", path, "d", "33.10.25.2007", "--since", "2026-02-01T00:00:00+07:00")
    capsys.readouterr()
    assert run("show", path, "d") == 0
    assert capsys.readouterr().out.count("\n") == 3
    assert run("show", path, "--village", A) == 1
    assert run("show", path, "nobody") == 1


def test_search_gives_codes_with_what_lies_around(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("search", "jomboran", "--within", "33.10") == 0
    assert (
        capsys.readouterr().out == "33.10.25.2007  Jomboran, Klaten Tengah, Kabupaten Klaten, Jawa Tengah\n"
    )
    assert run("search", "zzzz") == 1


def test_a_device_that_moves_keeps_its_profile_and_nothing_of_the_old_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "devices.csv"
    january = ("--since", "2026-01-01T00:00:00+07:00")
    line = ("--provider", "Lintas", "--technology", "fibre", "--profile", "satelit", "--traffic-source")
    assert run("add", path, "klaten-1", A, *january, *line) == 0
    assert run("move", path, "klaten-1", B) == 0
    assert f"klaten-1 stands in {B} since 20" in capsys.readouterr().out
    now = reader.read(path).current("klaten-1")
    assert now is not None
    assert (now.village, now.provider, now.technology, now.profile) == (B, "", None, "satelit")
    assert not now.traffic_source


def test_a_successor_stands_where_the_device_before_it_stood_on_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "devices.csv"
    january = ("--since", "2026-01-01T00:00:00+07:00")
    assert run("add", path, "klaten-1", A, *january, "--provider", "Lintas", "--traffic-source") == 0
    assert run("replace", path, "klaten-1", "klaten-2") == 0
    out = capsys.readouterr().out
    assert "klaten-1 is retired since 20" in out
    assert f"klaten-2 stands in {A} since 20" in out
    registry = reader.read(path)
    source = registry.traffic_source(A)
    assert source is not None
    assert (source.device, source.provider) == ("klaten-2", "Lintas")
    assert [placement.device for placement in registry.devices_of(A)] == ["klaten-2"]


def test_an_unknown_device_is_neither_moved_nor_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "devices.csv"
    assert run("add", path, "klaten-1", A) == 0
    before = path.read_bytes()
    for words in (("move", path, "klaten-9", B), ("replace", path, "klaten-9", "klaten-2")):
        assert run(*words) == 1
        assert f"{path} has no device klaten-9" in capsys.readouterr().err
    assert path.read_bytes() == before


def test_the_journal_says_who_added_what_and_where_somebody_edited(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two commands with an editor between them: two entries in their order, and a line for the gap."""
    path = tmp_path / "devices.csv"
    for user, device in (("siti", "klaten-1"), ("budi", "klaten-2")):
        monkeypatch.setenv("SUDO_USER", user)
        assert run("add", path, device, A, "--provider", "ISP A") == 0
        if user == "siti":
            path.write_text(path.read_text().replace("ISP A", "ISP B"))
    capsys.readouterr()
    assert run("journal", path) == 0
    first, between, last = capsys.readouterr().out.splitlines()
    assert all(word in first for word in ("siti", "klaten-1", A, "provider=ISP A"))
    assert between.strip() == "(changed without a command)"
    assert all(word in last for word in ("budi", "klaten-2"))
    path.write_text(path.read_text().replace("ISP B", "ISP C"))
    assert run("journal", path) == 0
    assert capsys.readouterr().out.splitlines()[-1].strip() == "(changed without a command)"


def test_a_change_that_cannot_be_journalled_is_not_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "devices.csv"
    (tmp_path / "devices.csv.journal").mkdir()
    assert run("add", path, "klaten-1", A) == 1
    assert not path.exists()
    assert "devices.csv.journal" in capsys.readouterr().err


def test_a_refused_row_leaves_no_entry(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "devices.csv"
    assert run("add", path, "klaten-1", "99.99.99.9999") == 1
    assert run("journal", path) == 1
    assert "devices.csv" in capsys.readouterr().err


def test_a_registry_without_a_journal_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "devices.csv"
    path.write_text("device,village,since\n")
    assert run("journal", path) == 1
    assert "no command has changed this registry yet" in capsys.readouterr().err
