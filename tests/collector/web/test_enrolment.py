"""`/enroll` as the network meets it: on a socket, by TLS, with the real authorities behind it."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import itertools
import json
from typing import TYPE_CHECKING

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs
from tests.collector.web import served
from tests.fakes.enrolling import DEVICE, VILLAGE, Office, serving

from pantau_collector.identity import certificates
from pantau_collector.identity.authority import Identities
from pantau_collector.identity.invitations import Invitations
from pantau_collector.web import enrolment as window
from pantau_collector.web.limits import Buckets
from pantau_wire import enrolment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

EXPOSED = {"host": "192.0.2.1", "allowed_hosts": ("127.0.0.1",)}


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


@contextlib.asynccontextmanager
async def client(app: object, address: str = "127.0.0.1") -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False, client=(address, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as found:
        yield found


def request_pem(device: str = DEVICE, key: object = None) -> str:
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, device)])
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, algorithm)
    return request.public_bytes(serialization.Encoding.PEM).decode()


def asked(token: str, device: str = DEVICE, pem: str | None = None) -> dict[str, str]:
    return {"device": device, "token": token, "request": pem or request_pem(device)}


def fault(answer: httpx.Response) -> str:
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (body["status"], body["instance"]) == (answer.status_code, "/enroll")
    assert body["detail"]
    return str(body["type"]).removeprefix("urn:pantau:enrolment:")


async def test_a_device_gets_all_that_it_needs_and_no_cache_keeps_it(office: Office) -> None:
    """By TLS, on a portal where everybody else needs a login; the answer carries every security header."""
    app, certificate = office.portal(**EXPOSED, cert_file="/x", key_file="/x"), office.certificate()
    token = office.invite()
    trust = office.files.authority_certificate("server")
    async with serving(app, certificate) as url, served.browser(url, trust) as device:
        authority = (await device.get("/enroll")).json()["authority"]
        answer = await device.post("/enroll", json=asked(token))
        assert (await device.get("/")).status_code == 303  # the login
    assert answer.status_code == 200
    body = answer.json()
    assert {name: body[name] for name in ("device", "village", "broker_host", "broker_port")} == {
        "device": DEVICE,
        "village": VILLAGE,
        "broker_host": "broker.example.id",
        "broker_port": 8883,
    }
    assert body["authority"] == authority == office.files.authority_certificate("server").read_text()
    found = x509.load_pem_x509_certificate(body["certificate"].encode())
    assert certificates.is_issued_by(found, office.files.certificate("client"))
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "set-cookie" not in answer.headers


async def test_of_two_portals_and_twelve_keys_at_once_exactly_one_wins(office: Office) -> None:
    token = office.invite()
    async with (
        serving(office.portal()) as one,
        serving(office.portal()) as other,
        served.browser(one) as first,
        served.browser(other) as second,
    ):
        asking = (peer.post("/enroll", json=asked(token)) for peer in [first, second] * 6)
        answers = await asyncio.gather(*asking)
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 11
    assert {fault(answer) for answer in answers if answer.status_code != 200} == {"used"}
    assert office.issued() == [DEVICE]


async def test_the_same_key_is_answered_again_another_is_not(office: Office) -> None:
    token, mine = office.invite(), request_pem()
    async with client(office.portal()) as device:
        first = await device.post("/enroll", json=asked(token, pem=mine))
        again = await device.post("/enroll", json=asked(token, pem=mine))
        other = await device.post("/enroll", json=asked(token))
    assert first.json() == again.json()
    assert (other.status_code, fault(other)) == (409, "used")


async def test_an_expired_invitation_says_so_to_who_has_it(office: Office) -> None:
    early = Identities(office.files, dt.datetime.now(dt.UTC) - dt.timedelta(hours=3))
    token = Invitations(office.files, early).invite(DEVICE, VILLAGE, dt.timedelta(hours=1))[0]
    async with client(office.portal()) as device:
        answer = await device.post("/enroll", json=asked(token))
        stranger = await device.post("/enroll", json=asked(enrolment.new_token()))
    assert (answer.status_code, fault(answer)) == (410, "expired")
    assert "pantau-collector devices invite" in answer.json()["detail"]
    assert (stranger.status_code, fault(stranger)) == (403, "unknown")


async def test_guesses_are_slowed_down_and_the_right_token_waits_too(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty from one address, then one in ten seconds; success makes no room for more guesses."""
    monkeypatch.setattr(window, "Buckets", lambda size, per_s, _clock: Buckets(size, per_s, lambda: 0.0))
    token = office.invite()
    async with client(office.portal()) as device:
        outcomes = [await device.post("/enroll", json=asked(enrolment.new_token())) for _ in range(20)]
        assert {answer.status_code for answer in outcomes} == {403}
        late = await device.post("/enroll", json=asked(token))
        assert (late.status_code, fault(late)) == (429, "too_often")
        assert 0 < int(late.headers["retry-after"]) <= 10
    assert office.issued() == []
    async with client(office.portal()) as device:
        for _ in range(19):
            await device.post("/enroll", json=asked(enrolment.new_token()))
        assert (await device.post("/enroll", json=asked(token))).status_code == 200
        assert (await device.post("/enroll", json=asked(token))).status_code == 429
    async with client(office.portal(), "192.0.2.7") as other:  # nobody waits for somebody else's guesses
        assert (await other.post("/enroll", json=asked(token))).status_code == 409


@pytest.mark.parametrize(
    ("pem", "words"),
    [
        (request_pem(key=rsa.generate_private_key(65537, 2048)), "must be ECDSA P-256"),
        (request_pem(key=ec.generate_private_key(ec.SECP384R1())), "must be ECDSA P-256"),
        (request_pem(key=ed25519.Ed25519PrivateKey.generate()), "must be ECDSA P-256"),
        (request_pem("desa-2"), "for another device"),
        (
            "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n",
            "no certificate signing",
        ),
        ("hello", "no certificate signing request"),
        (request_pem()[:-60] + "AAAA" + request_pem()[-56:], "no certificate signing request"),
    ],
    ids=["rsa", "p384", "ed25519", "other device", "empty", "text", "damaged"],
)
async def test_a_request_that_is_not_good_uses_nothing_up(office: Office, pem: str, words: str) -> None:
    token = office.invite()
    async with client(office.portal()) as device:
        answer = await device.post("/enroll", json=asked(token, pem=pem))
        assert (answer.status_code, fault(answer)) == (422, "request")
        assert words in answer.json()["detail"] or "damaged" in answer.json()["detail"]
        assert (await device.post("/enroll", json=asked(token))).status_code == 200


async def test_a_request_with_a_forged_signature_is_refused(office: Office) -> None:
    """Only who has the key can ask for its certificate (proof of possession)."""
    token = office.invite()
    der = bytearray(x509.load_pem_x509_csr(request_pem().encode()).public_bytes(serialization.Encoding.DER))
    der[-1] ^= 1
    try:
        forged = x509.load_der_x509_csr(bytes(der)).public_bytes(serialization.Encoding.PEM).decode()
    except ValueError:
        pytest.skip("this signature cannot be changed without breaking its encoding")
    async with client(office.portal()) as device:
        answer = await device.post("/enroll", json=asked(token, pem=forged))
    assert (answer.status_code, fault(answer)) == (422, "request")
    assert office.issued() == []


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{}", {"content-type": "text/plain"}, 415),
        (b"device=x", {"content-type": "application/x-www-form-urlencoded"}, 415),
        (b"{}", {}, 415),
        (b" " * 8193, {"content-type": "application/json"}, 413),
        (b" " * 20_000, {"content-type": "application/json"}, 413),
        (b"", {"content-type": "application/json"}, 422),
        (b"[" * 5000, {"content-type": "application/json"}, 422),
    ],
)
async def test_other_bodies_are_refused(
    office: Office, body: bytes, headers: dict[str, str], status: int
) -> None:
    async with client(office.portal()) as device:
        answer = await device.post("/enroll", content=body, headers=headers)
    assert (answer.status_code, fault(answer)) == (status, "request" if status == 422 else "about:blank")


async def test_a_body_without_an_announced_length_is_bounded_as_well(office: Office) -> None:
    """The end of it never comes, and is not waited for."""
    assert (
        await first_line(office, "Transfer-Encoding: chunked", ("3e8\r\n" + " " * 1000 + "\r\n") * 9) == 413
    )


async def first_line(office: Office, header: str, body: str) -> int:
    """Send a request that does not end; return the status of the answer."""
    head = f"POST /enroll HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n{header}\r\n\r\n"
    async with serving(office.portal()) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write((head + body).encode())
        line = await reader.readline()
        writer.close()
    return int(line.split()[1])


async def test_a_body_that_does_not_come_is_not_waited_for(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(window, "_BODY_TIMEOUT_S", 0.2)
    assert await first_line(office, "Content-Length: 100", "{") == 408


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "device": st.just(DEVICE) | st.text(max_size=80) | JSON,
        "token": st.from_regex(r"[a-z2-7]{24}", fullmatch=True) | st.text(max_size=40) | JSON,
        "request": st.just(request_pem()) | st.text(max_size=200) | JSON,
        "more": JSON,
    },
)
BODIES = (
    st.binary(max_size=300)
    | FIELDS.map(lambda value: json.dumps(value).encode())
    | JSON.map(lambda value: json.dumps(value).encode())
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Office, object, Iterator[int]]:
    office = Office(tmp_path_factory.mktemp("office"))
    office.invite()
    return office, office.portal(), itertools.count()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=BODIES)
def test_no_body_whatever_breaks_it_or_gets_a_certificate(
    shared: tuple[Office, object, Iterator[int]], body: bytes
) -> None:
    """Each comes from another address, so that the limit of attempts is not what stops it."""
    office, app, numbers = shared

    async def post() -> httpx.Response:
        async with client(app, f"192.0.2.{next(numbers) % 250}") as device:
            return await device.post("/enroll", content=body, headers={"content-type": "application/json"})

    answer = asyncio.run(post())
    assert (answer.status_code, fault(answer)) in [(422, "request"), (403, "unknown")]
    assert office.issued() == []


async def test_no_token_is_ever_logged_or_sent_back(office: Office) -> None:
    token, wrong = office.invite(), enrolment.new_token()
    bodies = [
        asked(wrong),
        {**asked(wrong), "device": wrong},
        {**asked(wrong), "device": f"a {wrong}"},
        {**asked(token), wrong: wrong},
        asked(token, pem=wrong),
        asked(token),
        asked(token),
    ]
    with capture_logs() as log:
        async with client(office.portal()) as device:
            answers = [await device.post("/enroll", json=body) for body in bodies]
            answers.append(await device.post("/enroll", json=[wrong]))
            answers.append(await device.get("/enroll", params={"token": wrong}))
    said = "".join(answer.text for answer in answers) + json.dumps(log)
    assert token not in said
    assert wrong not in said
    assert {entry["event"] for entry in log} == {"enrolment.refused", "enrolment.enrolled"}


async def test_a_portal_without_authorities_enrols_nobody(office: Office) -> None:
    async with client(office.portal(desk=False)) as device:
        for answer in (
            await device.get("/enroll"),
            await device.post("/enroll", json=asked(office.invite())),
        ):
            assert (answer.status_code, answer.json()["type"]) == (404, "about:blank")


async def test_while_the_authorities_cannot_be_used_the_invitation_stays_good(office: Office) -> None:
    token, key = office.invite(), office.files.path / "client-ca.key"
    good = key.read_bytes()
    async with client(office.portal()) as device:
        key.write_bytes(b"garbage")
        with capture_logs() as log:
            answers = [await device.post("/enroll", json=asked(token)) for _ in range(2)]
        assert [(answer.status_code, fault(answer)) for answer in answers] == [(503, "unavailable")] * 2
        assert [entry["event"] for entry in log] == ["enrolment.unavailable"]  # the transition, once
        key.write_bytes(good)
        assert (await device.post("/enroll", json=asked(token))).status_code == 200


async def test_a_foreign_page_cannot_use_a_browser_for_it(office: Office) -> None:
    """No cookie counts here; another site may send forms and plain text unasked, and neither is taken."""
    async with client(office.portal()) as browser:
        answer = await browser.options(
            "/enroll", headers={"origin": "https://evil.example", "access-control-request-method": "POST"}
        )
    assert answer.status_code == 405
    assert not [name for name in answer.headers if name.startswith("access-control")]
