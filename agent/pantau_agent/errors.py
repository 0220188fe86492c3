"""Everything that can go wrong in the agent, apart from what probes report as a typed failure."""

from __future__ import annotations


class AgentError(Exception):
    """Base of the agent's errors; `str()` says what to do."""


class ConfigError(AgentError):
    """The configuration is wrong."""


class SpoolError(AgentError):
    """The spool cannot be used."""


class SpoolDamagedError(SpoolError):
    """The spool's file is damaged; it is put aside when the agent starts again."""


class SpoolLockedError(SpoolError):
    """Another agent uses this spool."""


class RemoteConfigError(AgentError):
    """What was kept of the remote configuration cannot be used."""


class EnrolmentError(AgentError):
    """A key, request or certificate of this device cannot be made, got or used."""


class InvitationUsedError(EnrolmentError):
    """The invitation has made a certificate for another key."""


class BudgetError(AgentError):
    """The file of the data budget cannot be used."""


class ConnectionFailedError(AgentError):
    """The broker refused us or cannot be reached."""
