"""The configuration itself: readable, right, and complete enough to measure something."""

from __future__ import annotations

import contextlib
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from pantau_agent import i18n, jobs
from pantau_agent.config import DEFAULT_PATH, AgentConfig, load
from pantau_agent.doctor.findings import Finding, ok, problem, warning
from pantau_agent.errors import AgentError, RemoteConfigError
from pantau_agent.i18n import _
from pantau_agent.remote.control import RemoteControl

if TYPE_CHECKING:
    from collections.abc import Iterator

NOTHING = AgentConfig(device="unconfigured")
"""For checks of the machine where there is no configuration, or a wrong one."""

_NAME = "configuration"


def read(path: Path | None) -> tuple[AgentConfig | None, list[Finding]]:
    """Return the configuration in force, None if there is none or a wrong one, and what to say about it."""
    file = path or Path(DEFAULT_PATH)
    try:
        local = load(path)
        i18n.use(local.language)
        jobs.jobs_of(local)
    except AgentError as error:
        text = " ".join(str(error).split())
        return None, [problem(_NAME, text, _("Correct the file; if you may not read it, use sudo."))]
    if local == AgentConfig():
        return None, [_nothing(file)]
    return _in_force(local), [_completeness(local, file), *_readers(local, file)]


def _in_force(local: AgentConfig) -> AgentConfig:
    """Return what operators made of it from afar; where that cannot be read the check `remote` says so."""
    control = RemoteControl(local, jobs.jobs_of)
    with contextlib.suppress(RemoteConfigError):
        control.load()
    return control.config


def _nothing(file: Path) -> Finding:
    detail = _("nothing is configured: there is no {file}, or nothing in it").format(file=file)
    advice = _("Write it: device, [broker] host, [latency] targets, [speed] url (see the field guide).")
    return problem(_NAME, detail, advice)


def _completeness(config: AgentConfig, file: Path) -> Finding:
    source = str(file) if file.exists() else _("the environment")
    detail = _("{source}: right, device {device}").format(source=source, device=config.device)
    missing = [name for name, there in _parts(config).items() if not there]
    if not missing:
        return ok(_NAME, detail)
    detail += "; " + _("not set: {names}").format(names=", ".join(missing))
    return warning(_NAME, detail, _("What is not set is not measured: add it to the file."))


def _parts(config: AgentConfig) -> dict[str, bool]:
    return {
        "[latency] targets": bool(config.latency.targets),
        "[speed] url": bool(jobs.speed_jobs(config)),
    }


def _readers(config: AgentConfig, file: Path) -> Iterator[Finding]:
    """Warn of a password that every user of the machine can read."""
    if config.broker.password is not None and file.exists() and file.stat().st_mode & stat.S_IROTH:
        detail = _("{file} holds a password and everybody can read it").format(file=file)
        yield warning("configuration-mode", detail, f"chmod 640 {file}")
