"""The engine `http` with a testpoint that wants a token, and with servers that must never see one."""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.agent.probes.test_speed_testpoint import SHORT
from tests.fakes.librespeed import LibreSpeed
from tests.fakes.pages import serving

from pantau_agent.probes.base import Context
from pantau_agent.probes.speed import SpeedTarget, speed
from pantau_wire import signing
from pantau_wire.tokens import Claims, TokenSigner

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pantau_wire.fields import Speed

PEM = signing.new_private_pem()
NOW_S = int(time.time())
GOOD = TokenSigner(PEM).token(Claims("desa-1", NOW_S, NOW_S + 86_400))


@contextlib.contextmanager
def guarding(folder: Path, *options: str) -> Iterator[str]:
    """A testpoint as a process that believes our key; yields its URL."""
    keys, ready = folder / "keys", folder / "ready.json"
    keys.write_text(signing.public_key_of(PEM))
    words = [
        "--http-port",
        "0",
        "--stamp-port",
        "0",
        "--ready-file",
        str(ready),
        "--token-key-file",
        str(keys),
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "pantau_testpoint", *words, *options], stdout=subprocess.DEVNULL
    )
    try:
        while not ready.exists():
            assert process.poll() is None
            time.sleep(0.02)
        yield f"http://127.0.0.1:{json.loads(ready.read_text())['http_port']}"
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with guarding(tmp_path) as found:
        yield found


async def measure(url: str, token: str | None, *, own: bool = True, **settings: Any) -> Speed:
    target = SpeedTarget(**{"url": url, "own_testpoint": own, **SHORT, **settings})
    return await speed(target, Context(testpoint_token=lambda: token))


async def test_a_device_with_its_token_measures_both_directions(url: str) -> None:
    found = await measure(url, GOOD)
    assert found.failure is None, found.failure_detail
    assert found.download_goodput_bps
    assert found.upload_goodput_bps
    assert found.loaded_rtd_up_p95_ms


CLOCKS = "check that it publishes, and the clocks of testpoint and collector"
REFUSED = {
    "none yet": (
        None,
        (
            "this testpoint takes only devices with a token of its collector; none came yet, or this user may"
            " not read it: is the device registered, does it publish?"
        ),
    ),
    "expired": (
        TokenSigner(PEM).token(Claims("desa-1", NOW_S - 90_000, NOW_S - 3600)),
        f"this device's token has expired, says the testpoint; {CLOCKS}",
    ),
    "not yet valid": (
        TokenSigner(PEM).token(Claims("desa-1", NOW_S + 3600, NOW_S + 90_000)),
        f"this device's token is not valid yet, says the testpoint; {CLOCKS}",
    ),
    "another collector's": (
        TokenSigner(signing.new_private_pem()).token(Claims("desa-1", NOW_S, NOW_S + 9)),
        (
            "this device's token is signed with a key that the testpoint does not know; give the testpoint"
            " the collector's public key (--token-key-file)"
        ),
    ),
    "nonsense": ("nonsense", "this device's token is of no use there"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_a_refused_test_says_what_to_do(url: str, case: str) -> None:
    token, detail = REFUSED[case]
    found = await measure(url, token)
    assert (found.failure, found.failure_detail) == ("refused", f"server: HTTP 401: {detail}")


class LongDownload:
    """Another test of the same device that takes its only place."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(url.removeprefix("http://"))

    def __enter__(self) -> None:
        headers = {"Authorization": f"Bearer {GOOD}", "X-Pantau-Test": "other"}
        self._connection.request("GET", "/garbage?ckSize=1024", headers=headers)
        assert self._connection.getresponse().status == 200

    def __exit__(self, *_: object) -> None:
        self._connection.close()


async def test_a_second_test_of_the_device_is_told_to_come_back(tmp_path: Path) -> None:
    with guarding(tmp_path, "--max-tests-per-device", "1") as url, LongDownload(url):
        found = await measure(url, GOOD, busy_tries=0)
    assert found.failure == "busy"
    assert "429" in (found.failure_detail or "")


async def test_a_server_that_does_not_ask_never_sees_the_token() -> None:
    with LibreSpeed() as server:
        found = await measure(server.url, GOOD)
    assert found.failure is None, found.failure_detail
    assert "authorization" not in server.seen.header_names
    assert server.seen.uploaded_bytes


def refusal(challenge: str) -> bytes:
    head = (
        f"HTTP/1.1 401 X\r\nWWW-Authenticate: {challenge}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )
    return head.encode()


async def asked(answer: bytes, *, own: bool) -> tuple[bytes, Speed]:
    """Return all that the server was sent, and what the test found."""
    async with serving([answer]) as server:
        found = await measure(f"http://127.0.0.1:{server.port}", GOOD, own=own)
    assert found.failure == "refused"
    return b"".join(server.requests), found


async def test_only_the_configured_testpoint_gets_it_when_it_asks() -> None:
    asking = refusal('Pantau error="missing"')
    sent, _ = await asked(asking, own=True)
    assert sent.count(b"Authorization: Bearer " + GOOD.encode()) == 1
    sent, found = await asked(asking, own=False)
    assert b"Authorization" not in sent
    assert found.failure_detail == (
        "server: HTTP 401: this testpoint takes only devices with a token of its collector; a device sends it"
        " to the testpoint in its [speed] url and to no other server"
    )


@pytest.mark.parametrize("challenge", ['Basic realm="x"', "Bearer", "Pantau", 'Pantau error="a\\r"', ""])
async def test_whoever_asks_in_another_way_gets_nothing(challenge: str) -> None:
    sent, found = await asked(refusal(challenge), own=True)
    assert b"Authorization" not in sent
    assert found.failure_detail == "server: HTTP 401 for /empty"


async def test_it_does_not_travel_over_a_redirect() -> None:
    async with serving([b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"]) as elsewhere:
        place = f"http://127.0.0.1:{elsewhere.port}/"
        head = f"HTTP/1.1 307 X\r\nLocation: {place}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        _sent, found = await asked(head.encode(), own=True)
    assert elsewhere.requests == []
    assert place in (found.failure_detail or "")
