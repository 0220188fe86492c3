"""What is in force: the local configuration, over it the groups' messages in order, then the device's own.

A message is taken whole or refused whole. What was taken stays in force until a newer message replaces it:
neither an emptied topic nor a lost broker takes it back.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from pantau_agent.errors import ConfigError, RemoteConfigError
from pantau_agent.remote import keep
from pantau_agent.remote.apply import applied
from pantau_agent.remote.bounds import check_bounds
from pantau_agent.remote.refusal import RefusedError
from pantau_agent.remote.verify import check_age, read_message, verified
from pantau_wire.remote import ConfigReport, config_topic

if TYPE_CHECKING:
    from collections.abc import Callable

    from pantau_agent.config import AgentConfig
    from pantau_wire.remote import ConfigMessage, Instruction

log = structlog.get_logger()


@dataclass(slots=True)
class _Audience:
    """What is known for one audience: the newest message taken, and why the newest one seen was refused."""

    name: str
    message: ConfigMessage | None = None
    instruction: Instruction | None = None
    in_force: bool = False
    refusal: RefusedError | None = None

    @property
    def version(self) -> int:
        return self.instruction.version if self.instruction else 0


class RemoteControl:
    """The remote configuration of one device. Not safe for threads."""

    def __init__(
        self,
        local: AgentConfig,
        check: Callable[[AgentConfig], object],
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """Have only the local configuration in force; `check` raises `ConfigError` for contradictions.

        `now_ns` is the best known UTC, in nanoseconds since 1970.
        """
        self._now_ns = now_ns
        self._local = local
        self._check = check
        self._file = keep.file_beside(local.spool.path)
        self._key = local.remote.public_key
        names = [*(f"group:{group}" for group in local.remote.groups), f"device:{local.device}"]
        self._audiences = [_Audience(name) for name in dict.fromkeys(names)] if self._key else []
        self._by_topic = {config_topic(audience.name): audience for audience in self._audiences}
        self.config = local

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics to listen to: none without a public key."""
        return tuple(self._by_topic)

    @property
    def version(self) -> int | None:
        """The version in force for the device itself, or else for the last of its groups that has one."""
        in_force = [audience.version for audience in self._audiences if audience.in_force]
        return in_force[-1] if in_force else None

    def load(self) -> None:
        """Put in force what was kept; raises `RemoteConfigError` for a file that cannot be used.

        Each message is verified again, and measured against the local limits of today.
        """
        if self._key is None:
            return
        kept = keep.read(self._file)
        for audience in self._audiences:
            self._restore(audience, kept.get(audience.name), self._key)
        self._put_in_force()

    def take(self, topic: str, payload: bytes, content_type: str | None) -> bool:
        """Take or refuse what came on a topic; tell whether there is anything new to report.

        The disk is written before anything changes.
        """
        audience = self._by_topic.get(topic)
        if audience is None or self._key is None:
            return False
        try:
            changed = self._take(audience, payload, content_type, self._key)
        except RefusedError as refusal:
            return _refuse(audience, refusal)
        return changed

    def report(self) -> tuple[ConfigReport, ...]:
        """Return what the status says, for each audience that there is something to say of."""
        told = [audience for audience in self._audiences if audience.in_force or audience.refusal]
        return tuple(_report_of(audience) for audience in told)

    def _restore(self, audience: _Audience, message: ConfigMessage | None, key: str) -> None:
        if message is None:
            return
        try:
            audience.instruction = verified(message, key, audience.name)
        except RefusedError as refusal:  # after a change of keys, or of the file
            _refuse(audience, refusal)
            return
        audience.message = message

    def _put_in_force(self) -> None:
        """Put in force all that was restored, or, where local limits have changed, what still fits."""
        restored = [audience for audience in self._audiences if audience.instruction]
        try:
            self._switch(restored)
        except RefusedError:
            fitting: list[_Audience] = []
            for audience in restored:
                try:
                    self._switch([*fitting, audience])
                except RefusedError as refusal:
                    _refuse(audience, refusal)
                else:
                    fitting.append(audience)

    def _switch(self, audiences: list[_Audience]) -> None:
        self.config = self._combined([audience.instruction for audience in audiences])
        for audience in audiences:
            audience.in_force = True

    def _take(self, audience: _Audience, payload: bytes, content_type: str | None, key: str) -> bool:
        if not payload:  # the retained message was deleted, as any broker can: what is in force stays
            return _forget_refusal(audience)
        message = read_message(payload, content_type)
        if message == audience.message:
            return audience.in_force and _forget_refusal(audience)
        instruction = verified(message, key, audience.name)
        check_age(instruction, self._now_ns())
        if instruction.version <= audience.version:
            text = f"version {instruction.version} came after version {audience.version}"
            raise RefusedError("old_version", text, instruction.version)
        try:
            config = self._combined(self._with(audience, instruction))
            self._keep(audience, message)
        except RefusedError as refusal:
            raise RefusedError(refusal.reason, str(refusal), instruction.version) from None
        audience.message, audience.instruction, audience.in_force = message, instruction, True
        audience.refusal = None
        self.config = config
        log.info("remote.applied", audience=audience.name, version=instruction.version)
        return True

    def _with(self, audience: _Audience, instruction: Instruction) -> list[Instruction | None]:
        return [
            instruction if other is audience else other.instruction
            for other in self._audiences
            if other is audience or other.in_force
        ]

    def _combined(self, instructions: list[Instruction | None]) -> AgentConfig:
        config = self._local
        for instruction in instructions:
            if instruction is not None:
                config = applied(config, instruction.settings)
        check_bounds(self._local, config)
        try:
            self._check(config)
        except ConfigError as error:
            raise RefusedError("contradiction", str(error)) from None
        return config

    def _keep(self, audience: _Audience, message: ConfigMessage) -> None:
        try:
            kept = keep.read(self._file)
        except RemoteConfigError:
            kept = {other.name: other.message for other in self._audiences if other.message}
        try:
            keep.write(self._file, {**kept, audience.name: message})
        except OSError as error:
            raise RefusedError("not_kept", f"cannot write {self._file}: {error.strerror}") from None


def _refuse(audience: _Audience, refusal: RefusedError) -> bool:
    """Note it; tell whether it is another refusal than the one before."""
    before = audience.refusal
    audience.refusal = refusal
    if before is not None and _gist(before) == _gist(refusal):
        return False
    log.warning(
        "remote.refused",
        audience=audience.name,
        version=refusal.version,
        reason=refusal.reason,
        detail=str(refusal),
    )
    return True


def _gist(refusal: RefusedError) -> tuple[str, str, int | None]:
    return refusal.reason, str(refusal), refusal.version


def _forget_refusal(audience: _Audience) -> bool:
    was_refused = audience.refusal is not None
    audience.refusal = None
    return was_refused


def _report_of(audience: _Audience) -> ConfigReport:
    refusal = audience.refusal
    return ConfigReport(
        audience=audience.name,
        version=audience.version if audience.in_force else None,
        refused=refusal.reason if refusal else None,
        refused_version=refusal.version if refusal else None,
        refused_detail=str(refusal) or None if refusal else None,
    )
