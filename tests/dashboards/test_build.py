"""`pantau-dashboards build`: what it writes, and that what is in the repository is what it writes now."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from babel.messages.pofile import read_po
from tests.dashboards import grafana

from pantau_dashboards import cli, i18n
from pantau_dashboards.places import BOARDS, DATASOURCES, FOLDERS, village_path
from pantau_dashboards.provisioning import DASHBOARDS_PATH

GENERATED = Path(__file__).resolve().parents[2] / "dashboards" / "generated"
PO = i18n.LOCALE_FOLDER / "id" / "LC_MESSAGES" / "messages.po"
GENERATIONS = ("influxdb-1", "influxdb-2-3")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that `build` wrote."""
    out = tmp_path_factory.mktemp("built")
    assert cli.main(["build", "--out", str(out)]) == 0
    return out


def tree(folder: Path) -> dict[str, str]:
    """Return every file below a folder."""
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_the_repository_has_what_is_built(built: Path):
    """dashboards/generated is what the code makes; else: pantau-dashboards build."""
    wanted, found = tree(built), tree(GENERATED)
    assert set(wanted) == set(found)
    stale = [name for name, text in wanted.items() if found[name] != text]
    assert not stale, "run pantau-dashboards build"


def test_one_language(built: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """With --lang only those dashboards are written, and those of the other language go."""
    for name, text in tree(built).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "dashboards" / "id" / "old.json").write_text("{}")
    assert cli.main(["build", "--lang", "id", "--out", str(tmp_path)]) == 0
    names = {str(path.relative_to(tmp_path)) for path in (tmp_path / "dashboards").glob("*/*")}
    assert names == {f"dashboards/id/{name}.json" for name in BOARDS}
    assert "7 dashboards" in capsys.readouterr().out


def test_a_folder_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """It says what cannot be written, and why."""
    (tmp_path / "file").write_text("")
    assert cli.main(["build", "--out", str(tmp_path / "file" / "out")]) == 2
    message = capsys.readouterr().err
    assert message.startswith("pantau-dashboards: cannot write")
    assert "Not a directory" in message


def test_building_starts_no_service(tmp_path: Path):
    """Of the collector only tables, registry and contacts are imported, and nothing that talks to servers."""
    code = (
        "import sys\nfrom pantau_dashboards import cli\n"
        f"assert cli.main(['build', '--out', {str(tmp_path)!r}]) == 0\n"
        "print(*sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = set(found.stdout.splitlines()[-1].split())
    assert "pantau_collector.storage.series" in modules
    assert not modules & {"fastapi", "grafana_client", "mqtt5", "numpy", "pydantic", "urllib3", "uvicorn"}
    ours = {name.split(".")[1] for name in modules if name.startswith("pantau_collector.")}
    assert ours <= {"contacts", "errors", "i18n", "people", "registry", "storage", "wholefile"}


@pytest.mark.parametrize("generation", GENERATIONS)
def test_the_data_sources(built: Path, generation: str):
    """Three databases as InfluxQL data sources, under the uids that the dashboards ask."""
    path = built / "provisioning" / generation / "datasources" / "pantau.yaml"
    sources: list[dict[str, Any]] = yaml.safe_load(path.read_text())["datasources"]
    assert {source["uid"] for source in sources} == set(DATASOURCES.values())
    databases = {source["uid"]: source["jsonData"]["dbName"] for source in sources}
    assert databases["pantau-raw"] == "${PANTAU_INFLUX_DATABASE}"
    assert databases["pantau-rollup"] == "${PANTAU_INFLUX_DATABASE}_rollup"
    assert databases["pantau-history"] == "${PANTAU_INFLUX_DATABASE}_history"
    for source in sources:
        assert source["type"] == "influxdb"
        assert source["jsonData"]["version"] == "InfluxQL"
        assert source["jsonData"]["httpMode"] == "POST"  # a list of devices is too long for an address


def test_the_logins(built: Path):
    """InfluxDB 1 is logged in to with user and password, later ones with a token as a header."""
    old, new = (
        yaml.safe_load((built / "provisioning" / name / "datasources" / "pantau.yaml").read_text())
        for name in GENERATIONS
    )
    for source in old["datasources"]:
        assert source["user"] == "$PANTAU_INFLUX_USER"
        assert source["secureJsonData"] == {"password": "$PANTAU_INFLUX_PASSWORD"}
    for source in new["datasources"]:
        assert source["jsonData"]["httpHeaderName1"] == "Authorization"
        assert source["secureJsonData"] == {"httpHeaderValue1": "Token $PANTAU_INFLUX_TOKEN"}


def test_the_folders_of_dashboards(built: Path):
    """Each language has a folder of its own, whose path ends as the built one does."""
    path = built / "provisioning" / "dashboards" / "pantau.yaml"
    for provider in yaml.safe_load(path.read_text())["providers"]:
        language = Path(provider["options"]["path"]).name
        assert (provider["folderUid"], provider["folder"]) == FOLDERS[language]
        assert provider["options"]["path"] == f"{DASHBOARDS_PATH}/{language}"
        assert len(list((built / "dashboards" / language).glob("*.json"))) == len(BOARDS)


def test_no_text_is_untranslated_or_fuzzy():
    """Every text for operators has its Indonesian."""
    with PO.open("rb") as file:
        messages = [message for message in read_po(file) if message.id]
    assert len(messages) > 200
    assert [message.id for message in messages if not message.string or message.fuzzy] == []


def test_the_languages_differ_in_words_only():
    """Titles differ; ids, places and queries do not."""
    indonesian, english = (grafana.boards(language) for language in ("id", "en"))
    for name, board in indonesian.items():
        assert board["title"] != english[name]["title"]
        assert board["description"] != english[name]["description"]
        for panel, other in zip(board["panels"], english[name]["panels"], strict=True):
            assert (panel["id"], panel["gridPos"]) == (other["id"], other["gridPos"])
            assert panel.get("description", "") != other.get("description", "") or panel["type"] == "row"


def test_the_path_of_a_village():
    """What messages link to is the village's dashboard in their language."""
    path = village_path("en").format(
        province="33", regency="33.10", district="33.10.25", village="33.10.25.2007"
    )
    assert path.startswith("/d/pantau-en-village?var-province=33&var-regency=33.10&")
    assert path.endswith("&var-village=33.10.25.2007")


def test_the_files_are_json_that_people_can_read(built: Path):
    """Letters stay letters, and a change shows as a small difference."""
    text = (built / "dashboards" / "id" / "technician.json").read_text()
    assert "°C" in text
    assert text == json.dumps(json.loads(text), indent=2, ensure_ascii=False) + "\n"
