"""Everything that can go wrong in the collector."""

from __future__ import annotations


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
    """The store cannot be reached or is full: try again later, drop nothing."""


class BrokerError(CollectorError):
    """The broker refused us or went away."""


class IdentityError(CollectorError):
    """A key, certificate or revocation list cannot be made, read or used.

    `text` is a message id with places for `values`, so that it can be said in the reader's language.
    """

    def __init__(self, text: str, **values: object) -> None:
        super().__init__(text.format(**values))
        self.text = text
        self.values = values
