"""Words of the command line: read, bounded, and refused with what would be right."""

from __future__ import annotations

import argparse
import re

MOST_DAYS, MOST_RATE, MOST_DEVICES, MOST_SECONDS = 800, 1000.0, 251_289, 30 * 86_400
_RATE = re.compile(r"(\d+(?:\.\d+)?)x?", re.ASCII)
_DAYS = re.compile(r"(\d{1,4})d?", re.ASCII)
_ADDRESS = re.compile(r"(\[[0-9a-fA-F:]+\]|[^:\s]+):(\d{1,5})", re.ASCII)
_HIGHEST_PORT = 65_535


def devices(text: str) -> int:
    """Return a number of devices."""
    return _whole(text, 1, MOST_DEVICES, "a number of devices", "447")


def count(text: str) -> int:
    """Return a small number, or none."""
    return _whole(text, 0, 1000, "a number", "8")


def days(text: str) -> int:
    """Return a number of days, such as `60d`."""
    found = _DAYS.fullmatch(text)
    return _whole(found[1] if found else text, 1, MOST_DAYS, "a number of days", "60d")


def rate(text: str) -> float:
    """Return how many times faster, such as `1x`."""
    found = _RATE.fullmatch(text)
    if found and 1 <= float(found[1]) <= MOST_RATE:
        return float(found[1])
    raise argparse.ArgumentTypeError(
        f"{text!r} is not a rate: use a number from 1 to {MOST_RATE:g}, such as 1x"
    )


def seconds(text: str) -> float:
    """Return a duration."""
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if 0 < found <= MOST_SECONDS:
        return found
    raise argparse.ArgumentTypeError(f"{text!r} is not a duration: use seconds, such as 60")


def address(text: str) -> tuple[str, int]:
    """Return host and port."""
    found = _ADDRESS.fullmatch(text)
    if found and 0 < int(found[2]) <= _HIGHEST_PORT:
        return found[1].strip("[]"), int(found[2])
    raise argparse.ArgumentTypeError(
        f"{text!r} is not a broker's address: use host:port, such as 127.0.0.1:1883"
    )


def _whole(text: str, least: int, most: int, what: str, example: str) -> int:
    if text.isascii() and text.isdigit() and least <= int(text) <= most:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not {what}: use {least} to {most:,}, such as {example}")
