"""Everything that can go wrong in the collector."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pantau_wire.enrolment import Fault


class CollectorError(Exception):
    """Base of the collector's errors; `str()` says what to do."""


class ConfigError(CollectorError):
    """The configuration is wrong."""


class RegistryError(CollectorError):
    """The registry's CSV is wrong; the message names file, line and remedy."""


class RemoteConfigError(CollectorError):
    """A key, settings or message for the remote configuration cannot be used."""


class StoreError(CollectorError):
    """The store did not take or give what was asked."""


class StoreUnavailableError(StoreError):
    """The store cannot be reached or is full: try again later, drop nothing.

    `retry_after_s` is how long it wants to be left alone, where it says so.
    """

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class StoreRefusesError(StoreUnavailableError):
    """The store answers and says no to everything: somebody has to mend it. Drop nothing."""


class AnalysisError(CollectorError):
    """The analysis cannot do what was asked; `str()` says why."""


class TransferError(CollectorError):
    """What is exported or imported is not as it should be."""


class BrokerError(CollectorError):
    """The broker refused us or went away."""


class TranslatedError(CollectorError):
    """An error that can be said in the reader's language.

    `text` is a message id with places for `values`.
    """

    def __init__(self, text: str, **values: object) -> None:
        super().__init__(text.format(**values))
        self.text = text
        self.values = values


class CertificateError(TranslatedError):
    """A key, certificate or revocation list cannot be made, read or used."""


class EnrolmentRefusedError(CollectorError):
    """A device may not be enrolled; `str()` says in English what to do, `fault` is the wire's word for it."""

    def __init__(self, fault: Fault, message: str) -> None:
        super().__init__(message)
        self.fault: Fault = fault


class AccessError(TranslatedError):
    """An account cannot be made, changed or looked up."""


class SlaInputError(TranslatedError):
    """What shall be judged cannot be read; the message names file, place and remedy."""


class ProfileError(TranslatedError):
    """The file of SLA profiles is wrong; the message names file, place and remedy."""


class MaintenanceError(TranslatedError):
    """Maintenance cannot be announced or withdrawn so."""


class ObjectionError(TranslatedError):
    """An objection cannot be filed or answered so."""


class EvidenceError(TranslatedError):
    """A month's evidence cannot be put together, or what was given is no bundle of it."""


class ExportError(TranslatedError):
    """A month cannot be exported; the message says what there is instead."""


class ContactsError(CollectorError):
    """The file of contacts is wrong; the message names file, place and remedy."""


class TrafficSetError(CollectorError):
    """Traffic to judge the surge detector by cannot be used; says why and what is wanted."""
