"""The operator's file of contacts becomes contact points and policies, or says what is wrong with it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from tests.dashboards.push.folders import CONTACTS

from pantau_dashboards.alerting import contacts
from pantau_dashboards.errors import DashboardsError

if TYPE_CHECKING:
    from pathlib import Path

NOC = '[contact.noc]\ntype = "email"\nsettings = { addresses = "noc@example.id" }\n'
INTEGRATIONS = "discord, email, googlechat, slack, teams, telegram, webhook"
WRONG = {
    "a contact that is not there": (
        'default = "none"\n' + NOC,
        "there is no [contact.none]",
    ),
    "a route to nobody": (
        'default = "noc"\n' + NOC + '[[route]]\nregencies = ["33.10"]\ncontact = "klaten"\n',
        "there is no [contact.klaten]",
    ),
    "an integration that we have no texts for": (
        'default = "noc"\n' + NOC.replace("email", "pigeon"),
        f"contact.noc.type is 'pigeon'; use one of {INTEGRATIONS}",
    ),
    "an unknown key": ('default = "noc"\ncolour = "red"\n' + NOC, "Object contains unknown field `colour`"),
    "a village in place of a regency": (
        'default = "noc"\n' + NOC + '[[route]]\nregencies = ["33.10.25.2007"]\ncontact = "noc"\n',
        "Expected `str` matching regex '^\\\\d{2}\\\\.\\\\d{2}$' - at `$.route[0].regencies[0]`",
    ),
    "two contacts for a regency": (
        'default = "noc"\n'
        + NOC
        + NOC.replace("noc", "klaten")
        + '[[route]]\nregencies = ["33.10"]\ncontact = "noc"\n'
        + '[[route]]\nregencies = ["33.10"]\ncontact = "klaten"\n',
        "33.10 has two contacts, noc and klaten",
    ),
    "no TOML": ("default = noc", "Invalid value (at line 1, column 11)"),
}


@pytest.fixture
def read(tmp_path: Path):
    def reading(text: str) -> contacts.Contacts:
        path = tmp_path / "contacts.toml"
        path.write_text(text)
        return contacts.read(path)

    return reading


@pytest.mark.parametrize(("text", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_file_is_refused_with_what_is_wrong(read, tmp_path: Path, text: str, message: str):
    with pytest.raises(DashboardsError) as error:
        read(text)
    assert str(error.value) == f"{tmp_path / 'contacts.toml'}: {message}"


def test_a_file_that_is_not_there_is_told(tmp_path: Path):
    with pytest.raises(DashboardsError, match="No such file"):
        contacts.read(tmp_path / "none.toml")


def test_a_contact_speaks_its_own_language_and_keeps_its_own_settings(read):
    points = {point["name"]: point["receivers"][0] for point in contacts.contact_points(read(CONTACTS))}
    assert points["pantau-noc"]["settings"] == {
        "title": '{{ template "pantau.id.title" . }}',
        "message": '{{ template "pantau.id.message" . }}',
        "url": "http://127.0.0.1:9/noc",
    }
    telegram = points["pantau-telegram"]["settings"]
    assert telegram["message"] == '{{ template "pantau.en.message" . }}'
    assert "title" not in telegram
    assert telegram["bottoken"] == "$PANTAU_TEST_BOT_TOKEN"


def test_the_operators_own_text_wins(read):
    own = NOC.replace('{ addresses = "noc@example.id" }', '{ addresses = "noc@example.id", subject = "Hm" }')
    point = contacts.contact_points(read('default = "noc"\n' + own))[0]
    assert point["receivers"][0]["settings"]["subject"] == "Hm"


@pytest.mark.parametrize(
    ("labels", "receiver", "repeat"),
    [
        ({"scope": "regency", "regency": "33.10", "severity": "page"}, "pantau-noc", "2h"),
        ({"scope": "regency", "regency": "33.10", "severity": "ticket"}, "pantau-noc", "12h"),
        ({"scope": "regency", "regency": "91.03", "severity": "info"}, "pantau-jayapura", "1d"),
        ({"scope": "regency", "regency": "94.71", "severity": "page"}, "pantau-jayapura", "2h"),
        ({"scope": "regency", "regency": "94x71", "severity": "ticket"}, "pantau-noc", "12h"),
        ({"scope": "pipeline", "severity": "page"}, "pantau-telegram", "2h"),
        ({"scope": "regency", "regency": "11.01", "severity": "page"}, "pantau-noc", "2h"),
    ],
)
def test_an_alert_reaches_whoever_its_regency_has(read, labels, receiver: str, repeat: str):
    papua = '[contact.jayapura]\ntype = "email"\nsettings = { addresses = "noc@example.id" }\n'
    routes = '[[route]]\nregencies = ["91.03", "94.71"]\ncontact = "jayapura"\n'
    tree = contacts.policy(read(CONTACTS + papua + routes))
    assert _routed(tree, labels) == (receiver, repeat)


def _routed(node, labels, inherited=("", "")):
    """Walk the tree as Alertmanager does: the first child that matches, what it leaves open inherited."""
    here = (node.get("receiver", inherited[0]), node.get("repeat_interval", inherited[1]))
    for child in node.get("routes", ()):
        name, how, wanted = child["object_matchers"][0]
        value = labels.get(name, "")
        if value == wanted if how == "=" else re.fullmatch(wanted, value):
            return _routed(child, labels, here)
    return here
