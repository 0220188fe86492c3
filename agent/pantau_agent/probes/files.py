"""Small files in which Linux shows its state."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def text_of(file: Path) -> str:
    """Return the file's text without white space around it; empty if there is none that can be read."""
    try:
        return file.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


def rows_of(file: Path, skip_lines: int) -> list[list[str]]:
    """Return the words of each line after the heading; empty if the file cannot be read."""
    try:
        return [line.split() for line in file.read_text(encoding="ascii").splitlines()[skip_lines:]]
    except (OSError, ValueError):
        return []
