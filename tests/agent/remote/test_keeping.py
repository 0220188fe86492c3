"""What is in force survives restarts, damage and full disks."""

from __future__ import annotations

import time

import msgspec
import pytest
from tests.agent.remote.controls import REMOTE, control_of, local, refusal, take, told
from tests.agent.remote.signing_desk import (
    GROUP,
    GROUP_TOPIC,
    order,
)

from pantau_agent.errors import RemoteConfigError
from pantau_agent.jobs import jobs_of
from pantau_agent.remote import RemoteControl
from pantau_wire import signing

PERIOD = {"latency": {"period_s": 30}}


def test_an_expired_message_is_refused_and_one_in_force_stays(control, tmp_path):
    """not_after is the last moment to take it; what was taken does not lapse."""
    soon_ns = time.time_ns() + 3_600 * 10**9
    take(control, order(PERIOD, not_after_ns=soon_ns))
    reason, detail = refusal(control, order({}, version=2, not_after_ns=1_700_000_000_000_000_000))
    assert (reason, detail) == ("expired", "it was to be taken before 2023-11-14T22:13:20Z")
    assert control_of(local(tmp_path)).config.latency.period_s == 30


def test_what_is_in_force_survives_a_restart(config):
    """Without a broker, and the versions with it."""
    first = control_of(config)
    take(first, order(PERIOD, version=3))
    take(first, order({"link": {"period_s": 90}}, version=8, audience=GROUP), GROUP_TOPIC)
    second = control_of(config)
    assert second.config == first.config
    assert second.report() == first.report()
    assert refusal(second, order({}, version=2))[0] == "old_version"


def test_after_a_restart_the_limits_of_today_count(tmp_path):
    """A technician who tightens the local limits need not wait for the operator."""
    wanted = {"speed": {"url": "http://uji.example.id/"}}
    first = control_of(local(tmp_path))
    take(first, order(wanted, version=4))
    take(first, order({"link": {"period_s": 90}}, audience=GROUP), GROUP_TOPIC)
    tightened = local(tmp_path, remote=msgspec.structs.replace(REMOTE, allowed_hosts=()))
    second = control_of(tightened)
    assert second.config.speed.url is None
    assert second.config.link.period_s == 90, "the other message fits, and stays"
    assert (told(second).version, told(second).refused) == (None, "host")
    assert not take(second, order(wanted, version=4)) or told(second).refused is not None
    assert control_of(local(tmp_path)).config.speed.url == "http://uji.example.id/"


def test_another_public_key_ends_what_the_old_one_signed(tmp_path):
    """A key that was lost is replaced in the local configuration; its messages are void."""
    take(control_of(local(tmp_path)), order(PERIOD, version=7))
    pem = signing.new_private_pem()
    renewed = msgspec.structs.replace(REMOTE, public_key=signing.public_key_of(pem))
    control = control_of(local(tmp_path, remote=renewed))
    assert control.config.latency.period_s == 60
    assert told(control).refused == "signature"
    take(control, order({"latency": {"period_s": 45}}, pem=pem))
    assert control.config.latency.period_s == 45


def test_without_a_public_key_nothing_is_heard(tmp_path):
    """No topic, no file, no library."""
    take(control_of(local(tmp_path)), order(PERIOD))
    control = control_of(local(tmp_path, remote=msgspec.structs.replace(REMOTE, public_key=None)))
    assert control.topics == ()
    assert control.config.latency.period_s == 60
    assert not take(control, order(PERIOD))


def test_a_damaged_file_is_told_and_replaced_by_the_next_message(config):
    """The message is a sentence, and the next good message makes the file anew."""
    file = config.spool.path.with_name("remote-config.json")
    file.write_bytes(b'{"messages": {"device:desa-1": \xff')
    control = RemoteControl(config, jobs_of)
    with pytest.raises(RemoteConfigError, match="is damaged"):
        control.load()
    take(control, order(PERIOD))
    assert control_of(config).config.latency.period_s == 30


def test_a_file_that_somebody_edited_is_not_believed(config):
    """What is on disk is verified like what comes from the broker."""
    take(control_of(config), order(PERIOD))
    file = config.spool.path.with_name("remote-config.json")
    file.write_text(file.read_text().replace('period_s\\":30', 'period_s\\":31'))
    control = control_of(config)
    assert control.config.latency.period_s == 60
    assert told(control).refused == "signature"


def test_what_the_disk_does_not_take_is_not_applied(tmp_path):
    """Else an older message could be replayed after the next restart."""
    folder = tmp_path / "gone"
    control = control_of(local(folder))
    reason, detail = refusal(control, order(PERIOD))
    assert reason == "not_kept"
    assert detail.endswith("remote-config.json: No such file or directory")
    folder.mkdir()
    assert take(control, order(PERIOD)), "the next connection brings it again"
    assert control.config.latency.period_s == 30
