"""What is kept on disk of a regency's surges: the detector's memory, and beside it what it means."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from pantau_collector import wholefile
from pantau_collector.analysis.surge import memory, rules
from pantau_collector.analysis_loop.surges.sources import Sources

if TYPE_CHECKING:
    from collections.abc import Iterable

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_MODE = 0o600
_RULES = f"{rules.VERSION}.{memory.FORMAT}"


class Told(msgspec.Struct, frozen=True, array_like=True):
    """A surge that people were told of: since when (bin), and whether they were called for its impact."""

    since_bin: int
    paged: bool = False


class State(msgspec.Struct):
    """How far a regency has come, and in which file its memory lies.

    Bins after `synced` are on the disk only if the machine has run on since (`boot`). `furthest` is the
    newest bin that there ever was: what lies too far before it has been written over.
    """

    villages: list[str]
    file: str
    newest: int
    synced: int
    sources: dict[str, Sources] = {}
    told: dict[str, Told] = {}
    furthest: int = 0
    boot: str = ""
    rules: str = _RULES


class Folder:
    """The folder with the states of all regencies."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self, regency: str) -> State | None:
        """Return a regency's state, or None where there is none that can be used."""
        try:
            state = msgspec.json.decode(self._note(regency).read_bytes(), type=State)
        except (FileNotFoundError, msgspec.DecodeError):
            return None
        if state.rules != _RULES or not self.file(state).exists():
            return None
        if state.boot != boot_id():
            state.newest = state.synced
        return state

    def save(self, regency: str, state: State) -> None:
        """Keep a regency's state, durably where all of it is; raises `OSError`."""
        state.boot = boot_id()
        durably = state.synced == state.newest
        wholefile.replace(self._note(regency), msgspec.json.encode(state), _MODE, durably=durably)

    def new_file(self, regency: str) -> str:
        """Return the name of a file that is not there yet."""
        self._path.mkdir(parents=True, exist_ok=True)
        return f"{regency}-{uuid.uuid4().hex[:8]}.bins"

    def file(self, state: State) -> Path:
        """Return where a regency's memory lies."""
        return self._path / state.file

    def sweep(self, regency: str, kept: Iterable[str]) -> None:
        """Remove the files of a regency that no state names any more."""
        for file in self._path.glob(f"{regency}-*.bins"):
            if file.name not in kept:
                file.unlink(missing_ok=True)

    def _note(self, regency: str) -> Path:
        return self._path / f"{regency}.json"


def boot_id() -> str:
    """Return what changes when the machine starts anew; empty where the kernel does not say."""
    try:
        return _BOOT_ID.read_text("ascii").strip()
    except OSError:
        return ""
