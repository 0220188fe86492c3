"""Logs: an event name and fields; JSON where a service manager reads them, text where people do."""

from __future__ import annotations

import os
import sys

import structlog


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
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
