"""`pantau-collector sla export` as it is typed: whole files, and what to do where there is none."""

from __future__ import annotations

import contextlib
import hashlib
from typing import TYPE_CHECKING

import openpyxl
import pypdf
import pytest
from tests.collector.months import world
from tests.collector.web.world import HEADER

from pantau_collector.cli import main
from pantau_collector.storage.sqlite import SqliteStore

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export")
    with contextlib.closing(SqliteStore(folder / "pantau.db")) as store:
        world.filled(store, months=["2026-08"])
    rows = (f"desa-{code},{code},2025-01-01T00:00:00+07:00,yes\n" for code in world.VILLAGES)
    (folder / "devices.csv").write_text(HEADER + "".join(rows))
    config = folder / "collector.toml"
    config.write_text(
        f'[store]\npath = "{folder}/pantau.db"\n[registry]\npath = "{folder}/devices.csv"\n'
        '[exports]\nletterhead = ["Dinas Kominfo Klaten"]\n'
    )
    return config


def test_each_format_is_written_whole(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """The three files of a regency name the same data by the same hash."""
    for ending in ("csv", "xlsx", "pdf"):
        path = tmp_path / f"klaten.{ending}"
        arguments = ["33.10", "2026-08", "--format", ending, "--output", str(path), "--lang", "en"]
        assert main(["--config", str(config), "sla", "export", *arguments]) == 0
        assert f"{path}: {path.stat().st_size} bytes" in capsys.readouterr().out
    digest = hashlib.sha256((tmp_path / "klaten.csv").read_bytes()).hexdigest()
    summary = openpyxl.load_workbook(tmp_path / "klaten.xlsx")["Summary"]
    assert digest in [cell.value for row in summary.iter_rows(max_row=8) for cell in row]
    first = pypdf.PdfReader(tmp_path / "klaten.pdf").pages[0].extract_text()
    assert digest in first
    assert "Dinas Kominfo Klaten" in first
    assert sorted(path.name for path in tmp_path.iterdir()) == ["klaten.csv", "klaten.pdf", "klaten.xlsx"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("33.99 2026-08", "tidak ada wilayah berkode 33.99"),
        ("klaten 2026-08", "tidak ada wilayah berkode klaten"),
        ("33.10 2026-07", "tidak ada yang diketahui tentang 33.10 pada 2026-07; yang ada: 2026-08"),
        ("34 2026-08", "tidak ada yang diketahui tentang 34 pada 2026-08"),
        ("33.10 August", "tidak ada yang diketahui tentang 33.10 pada August"),
    ],
)
def test_what_is_not_there_is_said_with_what_is(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], asked: str, said: str
):
    """No empty file is written for an area or month of which nothing is known."""
    output = tmp_path / "out.csv"
    arguments = [*asked.split(), "--output", str(output), "--lang", "id"]
    assert main(["--config", str(config), "sla", "export", *arguments]) == 2
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_named(config: Path, capsys: pytest.CaptureFixture[str]):
    """The message names the path and the system's reason."""
    arguments = ["33.10", "2026-08", "--output", "/nowhere/at/all.csv", "--lang", "en"]
    assert main(["--config", str(config), "sla", "export", *arguments]) == 2
    assert "cannot write /nowhere/at/all.csv: No such file or directory" in capsys.readouterr().err
