"""How the testpoint logs: structlog events on stderr, as JSON for machines or text for people."""

import sys
from typing import Literal, TextIO

import structlog

LogFormat = Literal["json", "text", "auto"]


def configure(log_format: LogFormat, stream: TextIO | None = None) -> None:
    """Send every event to `stream` (default: stderr); `auto` is text on a terminal, else JSON."""
    stream = stream or sys.stderr
    as_text = log_format == "text" or (log_format == "auto" and stream.isatty())
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="timestamp"),
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer(colors=stream.isatty())
            if as_text
            else structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
