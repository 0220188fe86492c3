"""The commands of `pantau-collector sla` over a store, and what they say when something is wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.collector.months import world
from tests.collector.months.test_bundle import packed, unpacked

from pantau_collector.cli import main
from pantau_collector.storage.sqlite import SqliteStore

if TYPE_CHECKING:
    from pathlib import Path

BROKEN = "33.10.01.2002"
PROFILES = """
[[profile]]
name = "default"
since = 2000-01-01
contracted_download_bps = 20_000_000
contracted_upload_bps = 10_000_000
"""


class Office:
    """A configuration with a registry, profiles and a store of days, and its command line."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys
        self.config = folder / "collector.toml"
        self.config.write_text(
            f'[store]\npath = "{folder}/pantau.db"\n[registry]\npath = "{folder}/devices.csv"\n'
            f'[sla]\nprofiles = "{folder}/profiles.toml"\n'
        )
        (folder / "profiles.toml").write_text(PROFILES)
        lines = ["device,village,since,provider,traffic_source"]
        for number, village in enumerate(world.VILLAGES):
            provider = world.PROVIDERS[number % 2]
            lines.append(f"desa-{village},{village},2025-01-01T00:00:00+07:00,{provider},yes")
        (folder / "devices.csv").write_text("\n".join(lines) + "\n")

    def filled(self) -> None:
        store = SqliteStore(self.folder / "pantau.db")
        for village, kind in world.VILLAGES.items():
            store.write_series(list(world.rows(village, world.KINDS[kind], ["2026-08"])))
        store.close()

    def run(self, *words: object) -> tuple[int, str]:
        """Return the exit code and everything that was printed, in English."""
        code = main(["--config", str(self.config), "sla", *map(str, words), "--lang", "en"])
        found = self._capsys.readouterr()
        return code, found.out + found.err


@pytest.fixture
def office(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Office:
    return Office(tmp_path, capsys)


def test_imported_history_is_judged_and_its_evidence_verified(office: Office, tmp_path: Path):
    """From days in the store to closed months, a bundle, and the same verdict out of it."""
    office.filled()
    code, said = office.run("judge", "2026-08", "--within", "33.10")
    assert (code, said) == (0, "2026-08: 6 villages judged; rows that changed: 5; records written: 6\n")
    assert office.run("judge", "2026-08")[1].endswith("rows that changed: 0; records written: 0\n")
    bundle = tmp_path / "bukti.zip"
    assert office.run("evidence", BROKEN, "2026-08", "--output", bundle)[0] == 0
    code, said = office.run("verify", bundle)
    assert code == 0
    assert "recomputed to the same verdict" in said
    assert "FAIL" in said
    code, said = office.run("verify", bundle, "--json")
    assert (code, json.loads(said)["report"]["verdict"]) == (0, "fail")


def test_verify_tells_tampering_from_rubbish(office: Office, tmp_path: Path):
    """1 with the difference named where something was changed, 2 where it is no bundle, or not there."""
    office.filled()
    office.run("judge", "2026-08")
    bundle = tmp_path / "bukti.zip"
    office.run("evidence", BROKEN, "2026-08", "--output", bundle)
    content = bundle.read_bytes()
    files = unpacked(content)
    bundle.write_bytes(packed({**files, "report.json": files["report.json"].replace(b"fail", b"pass")}))
    code, said = office.run("verify", bundle)
    assert (code, "report.json was changed" in said) == (1, True)
    bundle.write_bytes(content[:-3000])
    code, said = office.run("verify", bundle)
    assert (code, "is no bundle of evidence" in said) == (2, True)
    assert office.run("verify", tmp_path / "nothing.zip")[0] == 2


def test_evidence_of_what_is_not_known(office: Office, tmp_path: Path):
    """A village without a judged month, and a month that is none, are told, and no file is left."""
    target = tmp_path / "bukti.zip"
    code, said = office.run("evidence", BROKEN, "2026-08", "--output", target)
    assert (code, "nothing is known of 33.10.01.2002 in 2026-08" in said) == (2, True)
    assert office.run("evidence", BROKEN, "August", "--output", target)[0] == 2
    assert office.run("judge", "2199-01")[0] == 2
    assert office.run("judge", "2026-08", "--within", "34")[0] == 2
    assert not target.exists()


def test_maintenance_from_the_command_line(office: Office):
    """Announced in time it counts (0), too late it does not (1), and both are listed."""
    words = ("maintenance", "announce", BROKEN, "--what", "new pole", "--by", "PT Bintang")
    times = ("--from", "2199-08-10T01:00:00+07:00", "--to", "2199-08-10T03:00:00+07:00")
    code, said = office.run(*words, *times)
    assert (code, "it counts" in said) == (0, True)
    number = said.split(":")[0]
    code, said = office.run(
        *words, "--from", "2026-01-01T01:00:00+07:00", "--to", "2026-01-01T02:00:00+07:00"
    )
    assert (code, "IT DOES NOT COUNT" in said) == (1, True)
    listed = json.loads(office.run("maintenance", "list", "--json")[1])
    assert [one["by"] for one in listed] == ["PT Bintang"] * 2
    assert office.run("maintenance", "withdraw", number) == (0, f"{number}: withdrawn\n")
    assert "new pole" in office.run("maintenance", "list", BROKEN)[1]
    assert office.run("maintenance", "list", "34")[1] == "nothing is announced\n"
    assert office.run(*words, "--from", "soon", "--to", "later")[0] == 2


def test_objections_from_the_command_line(office: Office):
    """Filed, answered and listed; what makes no sense is told."""
    code, said = office.run(
        "objections", "file", BROKEN, "2026-08", "--text", "Not us.", "--by", "PT Bintang"
    )
    number = said.split(":")[0]
    assert code == 0
    assert office.run("objections", "answer", number, "--text", "Seen.", "--by", "BAKTI")[0] == 0
    said = office.run("objections", "list", "--village", BROKEN)[1]
    assert "PT Bintang: Not us." in said
    assert "BAKTI: Seen." in said
    assert office.run("objections", "list", "--month", "2026-07")[1] == "there is no objection\n"
    assert office.run("objections", "file", "33", "2026-08", "--text", "x", "--by", "y")[0] == 2


def test_profiles_are_checked_and_shown(office: Office, tmp_path: Path):
    """A good file is summed up, its versions are listed, and a profile that it lacks is named."""
    code, said = office.run("profiles", "check")
    assert (code, "profiles: default" in said) == (0, True)
    assert "20000000" in office.run("profiles", "show")[1]
    assert json.loads(office.run("profiles", "show", "--json")[1])[0]["name"] == "default"
    other = tmp_path / "other.toml"
    other.write_text(PROFILES.replace("default", "kantor"))
    assert "points at the profile 'default'" in office.run("profiles", "check", other)[1]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[[profile]]\nname = 1", "cannot be a profile's name"),
        ("[profile]\nname = 'x'", "write each profile as a table [[profile]]"),
        ("[[profiles]]\nname = 'x'", "unknown key 'profiles'"),
        ("x", "is not TOML"),
        (PROFILES + PROFILES, "two versions from 2000-01-01"),
        (PROFILES + "speed = 1", "unknown field `speed`"),
        (PROFILES + "busy_from = '23:00'", "busy_from must lie before busy_to"),
        (PROFILES + "latency_max_ms = 0.5", "Expected `int`"),
        (PROFILES.replace("contracted_upload_bps = 10_000_000", ""), "contracted_upload_bps"),
    ],
)
def test_a_wrong_profile_is_named(office: Office, tmp_path: Path, content: str, words: str):
    """Each broken rule, with the file, the profile and the key."""
    (tmp_path / "profiles.toml").write_text(content)
    code, said = office.run("profiles", "check")
    assert (code, words in said) == (1, True), said
