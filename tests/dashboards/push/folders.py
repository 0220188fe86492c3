"""A folder as `pantau-dashboards build` writes it, small: two dashboards, a regency's rules, contacts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.dashboards.alerting.simulated import KLATEN

from pantau_dashboards.alerting import contacts, files
from pantau_dashboards.alerting.cli import FOLDER as ALERTING

if TYPE_CHECKING:
    from pathlib import Path

CONTACTS = """\
default = "noc"
pipeline = "telegram"

[contact.noc]
type = "webhook"
settings = { url = "http://127.0.0.1:9/noc" }

[contact.telegram]
type = "telegram"
language = "en"
settings = { bottoken = "$PANTAU_TEST_BOT_TOKEN", chatid = "-100123" }

[[route]]
regencies = ["33.10"]
contact = "noc"
"""


def dashboard(uid: str, title: str) -> dict[str, object]:
    """Return a dashboard with nothing on it."""
    return {"uid": uid, "title": title, "schemaVersion": 39, "tags": ["pantau"], "panels": []}


def build(folder: Path, *, text: str = CONTACTS, title: str = "Desa") -> Path:
    """Write the folder; return it."""
    for language in ("id", "en"):
        (folder / language).mkdir(parents=True, exist_ok=True)
        content = json.dumps(dashboard(f"pantau-{language}-test", f"{title} {language}"))
        (folder / language / "village.json").write_text(content)
    people = folder.parent / "contacts.toml"
    people.write_text(text)
    made = files.contents([KLATEN], "id", contacts=contacts.read(people))
    files.write(folder / ALERTING, made)
    return folder
