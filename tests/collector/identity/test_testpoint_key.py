"""`pantau-collector testpoint-key`: a pair that collector and testpoint take, and that stays."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from pantau_collector.cli import main
from pantau_wire.tokens import Claims, TokenKeys, TokenSigner, read_public_keys

if TYPE_CHECKING:
    from pathlib import Path


def test_what_one_half_signs_the_other_half_believes(tmp_path: Path) -> None:
    out = tmp_path / "keys"
    assert main(["testpoint-key", "--out", str(out)]) == 0
    private, public = out / "testpoint-token.pem", out / "testpoint-token.pub"
    assert [stat.S_IMODE(path.stat().st_mode) for path in (private, public)] == [0o600, 0o644]
    token = TokenSigner(private.read_text()).token(Claims("desa-1", 0, 100))
    assert TokenKeys(read_public_keys(public.read_text())).judge(token, 50).device == "desa-1"


@pytest.mark.parametrize(("lang", "message"), [("en", "is there already"), ("id", "sudah ada")])
def test_a_pair_that_is_there_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], lang: str, message: str
) -> None:
    assert main(["testpoint-key", "--out", str(tmp_path), "--lang", lang]) == 0
    before = (tmp_path / "testpoint-token.pem").read_text()
    assert main(["testpoint-key", "--out", str(tmp_path), "--lang", lang]) == 1
    assert message in capsys.readouterr().err
    assert (tmp_path / "testpoint-token.pem").read_text() == before
