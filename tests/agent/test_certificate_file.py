"""The log tells in time that the certificate ends, once, and when a new one is there."""

from __future__ import annotations

import time

import pytest
from tests.fakes.certificates import Authority

from pantau_agent.certificate_file import CertificateWatch

DAY_S = 86_400


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


def events(logs):
    return [(line["event"], line["log_level"]) for line in logs]


def test_it_is_told_once_from_45_days_on_and_again_at_the_end(authority, logs):
    now_s = time.time()
    watch = CertificateWatch(authority.issue("desa-1", to_days=90).cert)
    for after_days in (0, 44, 46, 60, 89, 91, 120):
        watch.look(now_s + after_days * DAY_S)
    assert events(logs) == [("certificate.ends_soon", "warning"), ("certificate.expired", "error")]
    assert logs[0]["ends_at"] == logs[1]["ends_at"]


def test_a_new_certificate_in_its_place_is_good_news(authority, logs):
    watch = CertificateWatch(authority.issue("desa-1", to_days=10).cert)
    watch.look(time.time())
    authority.issue("desa-1", to_days=700)
    watch.look(time.time())
    assert events(logs) == [("certificate.ends_soon", "warning"), ("certificate.renewed", "info")]


def test_a_good_one_is_no_news(authority, logs):
    CertificateWatch(authority.issue("desa-1", to_days=90).cert).look(time.time())
    assert events(logs) == []


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_a_file_that_cannot_be_read_is_said_by_the_connection_not_here(tmp_path, logs, content):
    file = tmp_path / "broken.pem"
    if content is not None:
        file.write_bytes(content)
    CertificateWatch(file).look(time.time())
    assert events(logs) == []
