"""Which machine this is: marks that outlive a restart, hashed, so that they give nothing away.

A memory card that is moved or copied takes the spool with it, and `/etc/machine-id` as well: so what is
soldered in counts first, where it can be read.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_SOURCES = {
    "serial": "sys/firmware/devicetree/base/serial-number",  # a Raspberry Pi's, and other boards' of its sort
    "board": "sys/class/dmi/id/product_uuid",  # a PC's; root only
    "system": "etc/machine-id",  # machine-id(5), which asks not to be handed on as it is
}
_LEAST_DIFFERENT = 4  # characters: all zeros, all ones and the like are no marks


def marks(root: Path = Path("/")) -> dict[str, str]:
    """Return what identifies this machine, by source, the most telling first; empty where nothing does."""
    found = {source: _read(root / path) for source, path in _SOURCES.items()}
    return {source: _hash(source, value) for source, value in found.items() if value}


def is_another(known: Mapping[str, str], here: Mapping[str, str]) -> bool:
    """Tell whether marks are of another machine: the most telling that both of them have decides."""
    for source in _SOURCES:
        if source in known and source in here:
            return known[source] != here[source]
    return False


def _read(path: Path) -> str:
    try:
        text = path.read_text(encoding="ascii").strip("\0 \n")
    except (OSError, UnicodeDecodeError):
        return ""
    return text if len(set(text)) >= _LEAST_DIFFERENT else ""


def _hash(source: str, value: str) -> str:
    return hashlib.sha256(f"pantau spool {source} {value}".encode()).hexdigest()[:32]
