"""The file of profiles while the collector runs."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from pantau_collector.errors import ProfileError
from pantau_collector.months.profile_file import ProfileFile

if TYPE_CHECKING:
    from pathlib import Path

ONE = '[[profile]]\nname = "{name}"\ncontracted_download_bps = 2e7\ncontracted_upload_bps = 1e7\n'


def test_a_wrong_file_is_told_once_and_the_last_good_one_counts_until_it_is_mended(tmp_path: Path) -> None:
    path = tmp_path / "profiles.toml"
    path.write_text(ONE.format(name="desa"))
    source = ProfileFile(path)
    first = source.get()
    with capture_logs() as logs:
        for number in range(3):
            path.write_text("[[profile" + "]" * number)
            assert source.get() is first
        path.unlink()
        assert source.get() is first
        path.write_text(ONE.format(name="kecamatan"))
        assert "kecamatan" in source.get().names
    assert [log["event"] for log in logs] == ["profiles.rejected", "profiles.accepted"]


def test_a_wrong_file_at_the_start_is_an_error_and_without_one_there_are_presets(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="cannot be read"):
        ProfileFile(tmp_path / "none.toml")
    satellite = ProfileFile(None).get().on("satelit", date(2026, 8, 1))
    assert (satellite.latency_max_ms, satellite.contracted_download_bps) == (700, None)
