"""The collection as files: what a role declares is what it does, and its version is the product's."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from pantau_wire import __version__

COLLECTION = Path(__file__).parents[2] / "ansible"
ROLES = sorted(path.name for path in (COLLECTION / "roles").iterdir())


def read(*parts: str):
    return yaml.safe_load(COLLECTION.joinpath(*parts).read_text("utf-8"))


def options(role: str):
    return read("roles", role, "meta", "argument_specs.yml")["argument_specs"]["main"]["options"]


@pytest.mark.parametrize("role", ROLES)
def test_what_a_role_declares_are_its_defaults(role):
    defaults = read("roles", role, "defaults", "main.yml")
    assert {name: option["default"] for name, option in options(role).items()} == defaults


@pytest.mark.parametrize("role", ROLES)
def test_every_argument_is_the_roles_own_typed_and_described(role):
    types = {"str": str, "path": str, "bool": bool, "int": int, "list": list, "dict": dict}
    for name, option in options(role).items():
        assert name.startswith(f"{role}_")
        assert option["description"]
        assert type(option["default"]) is types[option["type"]]
        assert "choices" not in option or option["default"] in option["choices"]


@pytest.mark.parametrize("role", ROLES)
def test_secrets_are_declared_as_such(role):
    secret = {name for name in options(role) if "secret" in name or name.endswith("_invitation")}
    assert {name for name, option in options(role).items() if option.get("no_log")} == secret


def test_the_version_is_the_products():
    assert read("galaxy.yml")["version"] == __version__
    assert read("roles", "release", "defaults", "main.yml")["release_version"] == __version__
