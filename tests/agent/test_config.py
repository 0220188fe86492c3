"""The configuration: where it comes from, and what a technician reads when it is wrong."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path

import pytest

from pantau_agent import cli
from pantau_agent.config import AgentConfig, BrokerConfig, as_json, load
from pantau_agent.config.presets import PRESETS
from pantau_agent.config.settings import Secret
from pantau_agent.errors import ConfigError

INVALID = sorted((Path(__file__).parent / "invalid-config").glob("*.toml"))


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch):
    for name in os.environ:
        if name.startswith("PANTAU_AGENT_"):
            monkeypatch.delenv(name)


def write(folder, text):
    file = folder / "agent.toml"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize("file", INVALID, ids=lambda file: file.stem)
def test_each_wrong_setting_has_its_message(file, capsys):
    """The comment at the head of the file is what a technician reads, on one screen, without a traceback."""
    head = [line for line in file.read_text().splitlines() if line.startswith("#")]
    expected = "\n".join(line.removeprefix("# ") for line in head).replace("FILE", str(file))
    assert cli.main(["--config", str(file), "config"]) == 2
    printed = capsys.readouterr()
    assert printed.err == f"pantau-agent: {expected}\n"
    assert printed.out == ""


def test_defaults_need_no_file():
    """An agent without any configuration has one, and it names no target."""
    config = load(None)
    assert config == AgentConfig()
    assert (config.broker.host, config.broker.port) == ("127.0.0.1", 1883)
    assert config.latency.targets == ()
    assert config.speed.url is None


def test_the_file_wins_over_defaults_and_the_environment_over_the_file(tmp_path, monkeypatch):
    """Key by key: what one source leaves out comes from the next."""
    file = write(tmp_path, 'device = "desa-1"\n[broker]\nhost = "file.id"\nport = 1000\n')
    monkeypatch.setenv("PANTAU_AGENT_BROKER__PORT", "2000")
    config = load(file)
    assert config.broker == BrokerConfig(host="file.id", port=2000)
    assert config.device == "desa-1"


def test_a_profile_lies_under_the_file_and_the_environment(tmp_path, monkeypatch):
    """Other defaults, key by key; the village's minutes are still measured each minute."""
    file = write(tmp_path, 'profile = "metered"\n[speed]\ntests_per_day = 4\n[budget]\nmonth_mb = 900\n')
    monkeypatch.setenv("PANTAU_AGENT_BUDGET__MONTH_MB", "700")
    config = load(file)
    assert (config.budget.month_mb, config.speed.tests_per_day) == (700.0, 4)
    assert (config.speed.max_bytes, config.spool.commit_interval_s) == (25_000_000, 300.0)
    assert config.latency.period_s == 60.0
    monkeypatch.setenv("PANTAU_AGENT_PROFILE", "standard")
    assert load(file).speed.max_bytes is None


def test_every_value_of_a_profile_is_a_setting_and_another_default():
    """A preset that sets what is the default anyway, or what does not exist, would mislead."""
    defaults = json.loads(as_json(AgentConfig(device="desa-1")))
    assert set(PRESETS) == {"standard", "metered"}
    for preset in PRESETS.values():
        for dotted, value in preset.items():
            section, key = dotted.split(".")
            assert defaults[section][key] != value, dotted


def test_a_section_that_is_no_table_is_refused_under_a_profile_too(tmp_path):
    """The profile's values do not hide the mistake."""
    file = write(tmp_path, 'profile = "metered"\nspeed = 5\n')
    with pytest.raises(ConfigError, match="speed: expected a table"):
        load(file)


def test_the_environment_can_set_every_kind_of_value(monkeypatch):
    """Numbers, switches, paths, secrets and lists are all text there."""
    for name, value in {
        "BROKER__USERNAME": "77",
        "BROKER__PASSWORD": "[secret",
        "BROKER__RECONNECT_SPREAD_S": "1.5",
        "TRAFFIC__ENABLED": "false",
        "SPOOL__PATH": "/tmp/spool.db",
        "LATENCY__TARGETS": '[{"target": "internet", "host": "192.0.2.1", "tcp_port": 443}]',
    }.items():
        monkeypatch.setenv(f"PANTAU_AGENT_{name}", value)
    config = load(None)
    assert (config.broker.username, config.broker.password.value) == ("77", "[secret")
    assert (config.broker.reconnect_spread_s, config.traffic.enabled) == (1.5, False)
    assert config.spool.path == Path("/tmp/spool.db")
    assert (config.latency.targets[0].host, config.latency.targets[0].tcp_port) == ("192.0.2.1", 443)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("BROKER__PORT", "x", 'broker.port: expected a whole number, not "x"'),
        ("BROKER__PROT", "1", "broker.prot: unknown key; did you mean port?"),
        ("BROKR", "1", "brokr: unknown key; did you mean broker?"),
        ("BROKER", "{}", "broker: expected a table"),
        ("LATENCY__TARGETS", "[{", "latency.targets: Input data was truncated"),
        ("LATENCY__TARGETS", '[{"target": 5}]', "latency.targets[0].target: expected a text, not 5"),
    ],
)
def test_a_wrong_variable_is_named(monkeypatch, name, value, message):
    """Unknown and malformed variables fail as they do in the file."""
    monkeypatch.setenv(f"PANTAU_AGENT_{name}", value)
    with pytest.raises(ConfigError) as error:
        load(None)
    assert str(error.value) == f"the environment (PANTAU_AGENT_*) has 1 wrong setting(s):\n  {message}"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "cannot read FILE: No such file or directory"),
        (lambda path: path.mkdir(), "cannot read FILE: Is a directory"),
        (
            lambda path: path.write_bytes(b"\xff\xfe"),
            "FILE is not TOML: 'utf-8' codec can't decode byte 0xff",
        ),
    ],
    ids=["missing", "folder", "binary"],
)
def test_a_file_that_cannot_be_read_says_why(tmp_path, capsys, make, message):
    """A path that is given must be there, be a file, and be text."""
    file = tmp_path / "agent.toml"
    make(file)
    assert cli.main(["--config", str(file), "config"]) == 2
    assert capsys.readouterr().err.startswith("pantau-agent: " + message.replace("FILE", str(file)))


def test_a_host_name_that_is_no_device_id_is_a_config_error(monkeypatch):
    """The default device id is the machine's name; where that cannot be one, the message says what to set."""
    monkeypatch.setattr("socket.gethostname", lambda: "groups")
    with pytest.raises(ConfigError, match="'groups' is reserved: choose another device id"):
        load(None)


def test_config_prints_everything_but_secrets(tmp_path, capsys):
    """What is printed can be sent to a help desk."""
    file = write(tmp_path, '[broker]\nusername = "u"\npassword = "hunter2"\n')
    assert cli.main(["--config", str(file), "config"]) == 0
    printed = capsys.readouterr().out
    assert "hunter2" not in printed
    assert json.loads(printed)["broker"]["password"] == "**********"
    assert "hunter2" not in f"{load(file)!r} {load(file)}"
    assert Secret("hunter2").value == "hunter2"


def test_what_is_printed_is_a_configuration(tmp_path):
    """The JSON names every setting as the file does."""
    values = json.loads(as_json(load(None)))
    assert set(values) == set(AgentConfig.__struct_fields__)
    assert values["spool"]["path"] == "/var/lib/pantau-agent/spool.db"


@pytest.mark.parametrize("argv", [[], ["frobnicate"], ["run", "--fast"], ["--config"]])
def test_wrong_use_exits_with_2(argv, capsys):
    """As every command does."""
    with pytest.raises(SystemExit) as end:
        cli.main(argv)
    assert end.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ('[spool]\npath = "FOLDER/nothing.db"', "cannot use FOLDER/nothing.db: unable to open database file"),
        ('[spool]\npath = "FOLDER/text.db"', "FOLDER/text.db is damaged: file is not a database"),
        ('[spool]\npath = "FOLDER/other.db"', "FOLDER/other.db is not a spool: no such table: meta"),
        ('[spool]\npath = "FOLDER"', "cannot use FOLDER: "),
    ],
    ids=["missing", "text", "other database", "folder"],
)
def test_spool_says_what_is_wrong_with_the_file(tmp_path, capsys, section, message):
    """Before the first run, and after a mistake in the path."""
    (tmp_path / "text.db").write_text("not a database" * 100)
    other = sqlite3.connect(tmp_path / "other.db")
    other.execute("CREATE TABLE cows (name)")
    other.commit()
    other.close()
    file = write(tmp_path, section.replace("FOLDER", str(tmp_path)))
    assert cli.main(["--config", str(file), "spool"]) == 2
    assert capsys.readouterr().err.startswith("pantau-agent: " + message.replace("FOLDER", str(tmp_path)))


def test_there_is_an_example_for_each_rule():
    """An empty folder would prove nothing."""
    assert len(INVALID) >= 30
