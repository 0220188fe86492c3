"""A device's remote configuration without a broker: what it is offered, and what it says."""

from __future__ import annotations

from tests.agent.remote.signing_desk import (
    DEVICE,
    DEVICE_TOPIC,
    PUBLIC_KEY,
)

from pantau_agent.config.settings import (
    AgentConfig,
    RemoteConfig,
    SpoolConfig,
)
from pantau_agent.jobs import jobs_of
from pantau_agent.remote import RemoteControl
from pantau_wire import codec

REMOTE = RemoteConfig(
    public_key=PUBLIC_KEY, groups=("klaten",), allowed_hosts=("uji.example.id", "*.klaten.id")
)


def local(folder, **changes):
    sections = {"remote": REMOTE, **changes}
    return AgentConfig(device="desa-1", spool=SpoolConfig(path=folder / "spool.db"), **sections)


def control_of(config):
    control = RemoteControl(config, jobs_of)
    control.load()
    return control


def take(control, message, topic=DEVICE_TOPIC):
    return control.take(topic, message, codec.JSON)


def told(control, audience=DEVICE):
    return next(report for report in control.report() if report.audience == audience)


def refusal(control, message, topic=DEVICE_TOPIC):
    """Offer a message that is refused; return the reason and what is said of it."""
    before = control.config
    assert take(control, message, topic)
    assert control.config is before, "something was applied"
    report = control.report()[-1]
    return report.refused, report.refused_detail
