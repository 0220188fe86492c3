"""The configuration: each rule has one file that breaks it, and a message that names the key."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pantau_collector import config
from pantau_collector.cli import main
from pantau_collector.errors import ConfigError

FOLDER = Path(__file__).parent / "invalid-config"
CLIENT_ID = "String should match pattern '^collector-[A-Za-z0-9._-]{1,50}$'"
NO_INTEGER = "Input should be a valid integer, unable to parse string as an integer"
NEVER_TAKEN = "with this device_burst_s: the largest envelope would never be taken"
UNKNOWN = "the environment has the unknown setting"
# Of files that are TOML: the lines below the first one, which names the file and counts the faults.
CONTRACTS_MOVED = (
    "contracts has moved: write each as a table [[profile]] with contracted_download_bps and"
    " contracted_upload_bps into the file that sla.profiles names"
)
FAULTS = {
    "analysis_contract": ["analysis: " + CONTRACTS_MOVED],
    "analysis_grace": ["analysis.grace_s: Input should be greater than or equal to 10"],
    "analysis_lease": ["analysis.lease_s: Input should be greater than or equal to 5"],
    "analysis_recompute": ["analysis.recompute_days: Input should be greater than or equal to 1"],
    "batch_delay_too_long": ["ingest.batch_delay_s: Input should be less than or equal to 5"],
    "batch_delay_zero": ["ingest.batch_delay_s: Input should be greater than 0"],
    "batch_records_too_many": ["ingest.batch_records: Input should be less than or equal to 100000"],
    "batch_records_zero": ["ingest.batch_records: Input should be greater than or equal to 1"],
    "broker_port_text": [f"broker.port: {NO_INTEGER}"],
    "broker_port_too_large": ["broker.port: Input should be less than or equal to 65535"],
    "broker_port_zero": ["broker.port: Input should be greater than or equal to 1"],
    "certificate_without_ca": [
        "broker: cert_file and key_file need ca_file: without it the connection is not encrypted"
    ],
    "client_id": [f"broker.client_id: {CLIENT_ID}"],
    "client_id_empty": [f"broker.client_id: {CLIENT_ID}"],
    "dead_letters_none": ["store.dead_letters_per_device: Input should be greater than or equal to 1"],
    "dead_letters_of_one_device": [
        "store: dead_letters_mb must be twice dead_letters_mb_per_device, or one device takes all of it"
    ],
    "device_bytes_too_small": [f"ingest: device_kb_per_s must be 4.37 or more {NEVER_TAKEN}"],
    "device_keys_zero": ["ingest.device_keys: Input should be greater than or equal to 1"],
    "device_rate_too_small": [f"ingest: device_records_per_s must be 33.334 or more {NEVER_TAKEN}"],
    "device_rate_zero": ["ingest.device_envelopes_per_s: Input should be greater than 0"],
    "influx_ca": [
        "store.influxdb: ca_file needs a url with https: without it the connection is not encrypted"
    ],
    "influx_database": ["store.influxdb.database: String should match pattern '^[A-Za-z0-9_.-]{1,100}$'"],
    "influx_org": ['store.influxdb: server = "2" needs org and token'],
    "influx_password": ["store.influxdb: password needs username"],
    "influx_three_faults": [
        "store.influxdb.server: Input should be 'auto', '1.6', '1.8', '2' or '3'",
        "store.influxdb.timeout_s: Input should be greater than or equal to 1",
        "store.influxdb.bucket: unknown key",
    ],
    "influx_token": ["store.influxdb: token must be one word, as InfluxDB shows it"],
    "influx_two_logins": [
        "store.influxdb: log in with a token, or with username and password, not with both"
    ],
    "influx_retention_raw": [
        "store.influxdb.retention.raw_days: Input should be greater than or equal to 61"
    ],
    "influx_retention_rollup": [
        (
            "store.influxdb.retention: rollup_days must not be less than raw_days: rollups would go before"
            " points"
        )
    ],
    "influx_url": [
        "store.influxdb: url must be like https://influxdb.example.id:8086, without a login in it"
    ],
    "influx_url_with_login": [
        "store.influxdb: url must be like https://influxdb.example.id:8086, without a login in it"
    ],
    "influx_without_kind": ['store: the section influxdb counts with kind = "influxdb" only'],
    "keepalive_too_long": ["broker.keepalive_s: Input should be less than or equal to 600"],
    "keepalive_too_short": ["broker.keepalive_s: Input should be greater than or equal to 5"],
    "key_without_certificate": ["broker: key_file needs cert_file"],
    "log_format": ["log_format: Input should be 'auto', 'text' or 'json'"],
    "receive_max_too_large": ["broker.receive_max: Input should be less than or equal to 65535"],
    "receive_max_too_small": ["broker.receive_max: Input should be greater than or equal to 100"],
    "reconnect_max": ["broker.reconnect_max_s: Input should be greater than 0"],
    "notification_least": ["notification.least: Input should be 'info' or 'page'"],
    "notification_login": ["notification.smtp: username and password belong together"],
    "notification_pace": [
        "notification.every_s: Input should be greater than or equal to 10",
        "notification.page_every_s: Input should be greater than or equal to 10",
    ],
    "notification_readable": [
        'notification.smtp: security = "none" would send the password readable for all'
    ],
    "notification_sender": [r"notification.smtp.sender: String should match pattern '^[^\s@]+@[^\s@]+$'"],
    "notification_url": ["notification: portal_url must be like https://pantau.example.id"],
    "registry_path": ["registry.path: Input is not a valid path for <class 'pathlib.Path'>"],
    "retry_negative": ["ingest.store_retry_s: Input should be greater than 0"],
    "retry_not_a_number": ["ingest.store_retry_s: Input should be less than or equal to 86400"],
    "retry_too_long": ["ingest.newer_agent_retry_s: Input should be less than or equal to 86400"],
    "retry_zero": ["ingest.unregistered_retry_s: Input should be greater than 0"],
    "section_is_a_value": ["broker: a section is wanted here, not a value"],
    "store_kind": ["store.kind: Input should be 'sqlite' or 'influxdb'"],
    "store_path": ["store.path: Input is not a valid path for <class 'pathlib.Path'>"],
    "testpoint_renewed_too_late": [
        "testpoint: token_renew_s must be at most half of token_valid_s: one ack may be lost"
    ],
    "testpoint_token_too_short": ["testpoint.token_valid_s: Input should be greater than or equal to 3600"],
    "two_faults": ["broker.port: Input should be greater than or equal to 1", "web.prot: unknown key"],
    "unknown_key": ["broker.hots: unknown key"],
    "unknown_section": ["brokr: unknown key"],
    "unknown_top_key": ["logformat: unknown key"],
    "web_certificate_alone": ["web: cert_file and key_file belong together"],
    "waiting_zero": ["ingest.waiting_mb: Input should be greater than or equal to 1"],
    "web_enabled": ["web.enabled: Input should be a valid boolean, unable to interpret input"],
    "web_name": ["web.allowed_hosts.0: String should match pattern '^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$'"],
    "web_no_names": ["web: allowed_hosts is empty: list the names under which people reach the portal"],
    "web_open": [
        (
            "web: host '0.0.0.0' can be reached from elsewhere: give cert_file and key_file for TLS, or stay"
            " on 127.0.0.1 with behind_proxy = true and a reverse proxy with TLS on this machine"
        )
    ],
    "web_port": ["web.port: Input should be greater than or equal to 0"],
    "web_proxy_in_the_open": [
        "web: behind_proxy needs a host on loopback, where only the proxy reaches the portal"
    ],
    "web_rate": ["web.requests_per_minute: Input should be greater than or equal to 10"],
    "web_session": ["web: session_idle_s must not be longer than session_max_s"],
}
NOT_TOML = {
    "not_toml": "Invalid value (at line 1, column 8)",
    "not_utf8": "'utf-8' codec can't decode byte 0xff in position 14: invalid start byte",
}


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the machine that runs the tests counts."""
    for name in config._our_environment():
        monkeypatch.delenv(name)
    monkeypatch.setattr(config, "DEFAULT_PATH", tmp_path / "absent.toml")


def write(folder: Path, text: str) -> Path:
    file = folder / "collector.toml"
    file.write_text(text)
    return file


@pytest.mark.parametrize("case", FAULTS)
def test_each_fault_has_its_message(case: str):
    """A wrong setting is refused with the file, the key and what is wrong with it."""
    file = FOLDER / f"{case}.toml"
    with pytest.raises(ConfigError) as caught:
        config.load(file)
    first = f"{file} has {len(FAULTS[case])} wrong setting(s):"
    assert str(caught.value).splitlines() == [first, *(f"  {line}" for line in FAULTS[case])]


@pytest.mark.parametrize("case", NOT_TOML)
def test_what_is_not_toml_has_its_message(case: str):
    """A file that is not TOML is refused with the place of the fault."""
    file = FOLDER / f"{case}.toml"
    with pytest.raises(ConfigError, match=re.escape(f"{file} is not TOML: {NOT_TOML[case]}")):
        config.load(file)


def test_every_example_is_tested():
    """No invalid example lies there without its message."""
    assert {file.stem for file in FOLDER.iterdir()} == FAULTS.keys() | NOT_TOML.keys()


def test_everything_has_a_default():
    """Without a file and without environment there is a configuration, on loopback."""
    found = config.load(None)
    assert (found.broker.host, found.broker.port, found.web.host) == ("127.0.0.1", 1883, "127.0.0.1")
    assert found.broker.client_id.startswith("collector-")


def test_an_empty_file_changes_nothing(tmp_path: Path):
    """An empty file means the defaults."""
    assert config.load(write(tmp_path, "")) == config.load(None)


def test_the_default_file_is_read_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Without a path the default file counts."""
    monkeypatch.setattr(config, "DEFAULT_PATH", write(tmp_path, "[web]\nport = 8090\n"))
    assert config.load(None).web.port == 8090


def test_a_file_that_is_named_must_be_there(tmp_path: Path):
    """A path that somebody gave is not passed over in silence."""
    with pytest.raises(ConfigError, match=r"cannot read .*absent\.toml: No such file or directory"):
        config.load(tmp_path / "absent.toml")
    with pytest.raises(ConfigError, match="Is a directory"):
        config.load(tmp_path)


def test_a_default_file_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A default file that is there and unreadable is an error: its settings are not the defaults."""
    monkeypatch.setattr(config, "DEFAULT_PATH", tmp_path)
    with pytest.raises(ConfigError, match="cannot read"):
        config.load(None)


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A variable overrides its key in the file, and leaves the rest of the section."""
    file = write(tmp_path, '[broker]\nhost = "10.0.0.1"\nport = 1884\n')
    monkeypatch.setenv("PANTAU_COLLECTOR_BROKER__HOST", "10.0.0.2")
    found = config.load(file).broker
    assert (found.host, found.port) == ("10.0.0.2", 1884)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("PANTAU_COLLECTOR_BROKR__HOST", "x", f"{UNKNOWN} PANTAU_COLLECTOR_BROKR__HOST"),
        ("PANTAU_COLLECTOR_", "x", f"{UNKNOWN} PANTAU_COLLECTOR_"),
        (
            "PANTAU_COLLECTOR_BROKER__HOTS",
            "x",
            "PANTAU_COLLECTOR_BROKER__HOTS has 1 wrong setting(s):\n  broker.hots: unknown key",
        ),
        (
            "PANTAU_COLLECTOR_WEB__PORT",
            "http",
            f"PANTAU_COLLECTOR_WEB__PORT has 1 wrong setting(s):\n  web.port: {NO_INTEGER}",
        ),
    ],
)  # fmt: skip
def test_wrong_variables_are_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str):
    """A variable that names no setting, or has a wrong value, is refused by its name."""
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as caught:
        config.load(None)
    assert str(caught.value) == message


def test_a_wrong_variable_is_not_blamed_on_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Where file and environment count together, the message names both."""
    file = write(tmp_path, "[web]\nport = 8090\n")
    monkeypatch.setenv("PANTAU_COLLECTOR_BROKER__PORT", "0")
    with pytest.raises(ConfigError, match=f"{file} with PANTAU_COLLECTOR_BROKER__PORT has 1 wrong"):
        config.load(file)


def test_secrets_are_not_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """`config` prints what is in force, and no secret."""
    file = write(tmp_path, '[broker]\nusername = "collector"\npassword = "rahasia-sekali"\n')
    assert main(["--config", str(file), "config"]) == 0
    text = capsys.readouterr().out
    assert json.loads(text)["broker"]["password"] == "**********"
    assert "rahasia" not in text


def test_influx_secrets_are_not_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Neither a token nor a password of InfluxDB is printed, where it came from does not matter."""
    section = '[store]\nkind = "influxdb"\n[store.influxdb]\n'
    for login in ('token = "rahasia-sekali"', 'username = "pantau"\npassword = "rahasia-sekali"'):
        assert main(["--config", str(write(tmp_path, section + login)), "config"]) == 0
        assert main(["--config", str(write(tmp_path, section + login + "\norg = 1")), "config"]) == 2
        captured = capsys.readouterr()
        assert "rahasia" not in captured.out + captured.err


def test_secrets_are_not_in_error_messages(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """A wrong configuration is explained without its secrets, and ends with exit code 2."""
    file = write(tmp_path, '[broker]\npassword = ["rahasia-sekali"]\nport = 0\n')
    assert main(["--config", str(file), "config"]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(f"pantau-collector: {file} has 2 wrong setting(s):\n")
    assert "rahasia" not in captured.err + captured.out
