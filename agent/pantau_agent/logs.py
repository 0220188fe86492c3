"""Logs: an event name and fields; JSON where a service manager reads them, text where people do."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TextIO, cast

from pantau_agent.imports import without

with without("rich"):  # structlog would load it at once: 4 MiB for tracebacks that we do not draw
    import structlog


class _Stream:
    """A stream whose failures are ignored: a full disk must not end the agent that reports it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()


def configure(log_format: str) -> None:
    """Send logs to standard error as `text` or `json`; `auto` means JSON under systemd."""
    as_json = log_format == "json" or (log_format == "auto" and "JOURNAL_STREAM" in os.environ)
    renderer = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _Stream(sys.stderr))),
    )
