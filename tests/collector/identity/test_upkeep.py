"""A revocation list that lapsed would lock out the fleet: it is renewed in time, and alarms before."""

from __future__ import annotations

import datetime as dt
import subprocess
from typing import TYPE_CHECKING

import pytest
from cryptography import x509

from pantau_collector.config import IdentityConfig
from pantau_collector.identity import certificates, terms
from pantau_collector.identity.authority import Identities
from pantau_collector.identity.folder import Folder
from pantau_collector.identity.upkeep import Upkeep
from pantau_collector.metrics import Metrics

if TYPE_CHECKING:
    from pathlib import Path

START = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "identity"
    Identities(Folder(path), START).begin("Klaten")
    return path


def look(folder: Path, days: float, *command: str) -> str:
    """Look some days after the beginning; return the metrics."""
    metrics = Metrics()
    config = IdentityConfig(path=folder, reload_command=command)
    Upkeep(config, metrics, START + dt.timedelta(days=days)).look()
    return metrics.text().decode()


def list_ends_at(folder: Path) -> dt.datetime | None:
    return x509.load_pem_x509_crl((folder / "client-revoked.pem").read_bytes()).next_update_utc


def test_a_fresh_list_is_left_alone(folder: Path) -> None:
    before = (folder / "client-revoked.pem").read_bytes()
    look(folder, terms.LIST_DAYS / 2 - 1, "false")
    assert (folder / "client-revoked.pem").read_bytes() == before


def test_a_list_at_half_of_its_time_is_renewed_and_the_broker_told(folder: Path, tmp_path: Path) -> None:
    told = tmp_path / "told"
    days = terms.LIST_DAYS / 2 + 1
    text = look(folder, days, "touch", str(told))
    ends_at = START + dt.timedelta(days=days + terms.LIST_DAYS)
    assert list_ends_at(folder) == ends_at
    assert told.exists()
    assert float(_value(text, "pantau_identity_list_ends_timestamp_seconds")) == ends_at.timestamp()


def test_a_broker_that_cannot_be_told_is_an_error(folder: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        look(folder, terms.LIST_DAYS / 2 + 1, "false")


def test_certificates_that_end_soon_are_counted(folder: Path) -> None:
    Identities(Folder(folder), START).issue("client", "desa-1", certificates.new_key().public_key(), days=60)
    assert _value(look(folder, 1), "pantau_identity_expiring_certificates") == "0.0"
    assert _value(look(folder, 20), "pantau_identity_expiring_certificates") == "1.0"


def _value(text: str, name: str) -> str:
    return next(line.split()[1] for line in text.splitlines() if line.startswith(f"{name} "))
