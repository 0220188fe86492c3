"""Settings come from defaults, then the environment, then the command line, and wrong ones are named."""

from pathlib import Path

import pytest

from pantau_testpoint.errors import ConfigurationError
from pantau_testpoint.settings import OPTIONS, Settings, load

NAMES = (
    "PANTAU_TESTPOINT_LISTEN, PANTAU_TESTPOINT_HTTP_PORT, PANTAU_TESTPOINT_STAMP_PORT, "
    "PANTAU_TESTPOINT_MAX_TESTS, PANTAU_TESTPOINT_TOKEN_KEY_FILE, "
    "PANTAU_TESTPOINT_MAX_TESTS_PER_DEVICE, PANTAU_TESTPOINT_STAMP_MODE, PANTAU_TESTPOINT_STAMP_KEY_FILE, "
    "PANTAU_TESTPOINT_STAMP_ACCEPT, PANTAU_TESTPOINT_NTP_PORT, PANTAU_TESTPOINT_LOG, "
    "PANTAU_TESTPOINT_READY_FILE"
)


def test_defaults_listen_on_this_machine_only() -> None:
    assert load([], {}) == Settings()
    assert (Settings().listen, Settings().http_port, Settings().stamp_port) == ("127.0.0.1", 8989, 8862)


def test_the_environment_beats_the_defaults_and_the_command_line_beats_both() -> None:
    environment = {"PANTAU_TESTPOINT_HTTP_PORT": "1", "PANTAU_TESTPOINT_MAX_TESTS": "3", "HOME": "/"}
    chosen = load(["--http-port", "2", "--ready-file", "/run/x"], environment)
    assert chosen == Settings(http_port=2, max_tests=3, ready_file=Path("/run/x"))


def test_every_field_has_an_option() -> None:
    assert [option.name for option in OPTIONS] == list(Settings.__dataclass_fields__)


@pytest.mark.parametrize(
    ("variable", "text", "message"),
    [
        ("PANTAU_TESTPOINT_PORT", "1", f"PANTAU_TESTPOINT_PORT is no setting; there are: {NAMES}"),
        ("PANTAU_TESTPOINT_LISTEN", " ", "PANTAU_TESTPOINT_LISTEN: is empty"),
        (
            "PANTAU_TESTPOINT_HTTP_PORT",
            "65536",
            "PANTAU_TESTPOINT_HTTP_PORT: '65536' is not a whole number from 0 to 65535",
        ),
        (
            "PANTAU_TESTPOINT_STAMP_PORT",
            "stamp",
            "PANTAU_TESTPOINT_STAMP_PORT: 'stamp' is not a whole number from 0 to 65535",
        ),
        (
            "PANTAU_TESTPOINT_MAX_TESTS",
            "0",
            "PANTAU_TESTPOINT_MAX_TESTS: '0' is not a whole number from 1 to 1000",
        ),
        (
            "PANTAU_TESTPOINT_STAMP_MODE",
            "both",
            "PANTAU_TESTPOINT_STAMP_MODE: 'both' is none of stateful, stateless",
        ),
        (
            "PANTAU_TESTPOINT_STAMP_ACCEPT",
            "all",
            "PANTAU_TESTPOINT_STAMP_ACCEPT: 'all' is none of authenticated, both",
        ),
        ("PANTAU_TESTPOINT_LOG", "xml", "PANTAU_TESTPOINT_LOG: 'xml' is none of json, text, auto"),
    ],
)
def test_a_wrong_setting_in_the_environment_is_named(variable: str, text: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load([], {variable: text})
    assert str(caught.value) == message


def test_a_wrong_setting_on_the_command_line_ends_with_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        load(["--max-tests", "many"], {})
    assert caught.value.code == 2
    assert "--max-tests: 'many' is not a whole number from 1 to 1000" in capsys.readouterr().err
