from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from pantau_collector.identity import certificates, folder
from pantau_collector.identity.authority import Identities

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

START = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)


@pytest.fixture
def files(tmp_path: Path) -> folder.Folder:
    """A folder with fresh authorities, made just now."""
    found = folder.Folder(tmp_path / "identity")
    Identities(found).begin("Klaten")
    return found


@pytest.fixture
def client(files: folder.Folder, tmp_path: Path) -> Callable[[str], tuple[Path, Path]]:
    """Issue a client's certificate and return the files of certificate and key."""

    def issue(name: str) -> tuple[Path, Path]:
        key = certificates.new_key()
        certificate = Identities(files).issue("client", name, key.public_key())
        paths = tmp_path / f"{name}.pem", tmp_path / f"{name}.key"
        folder.write(paths[0], certificates.certificate_pem(certificate))
        folder.write(paths[1], certificates.key_pem(key), private=True)
        return paths

    return issue
