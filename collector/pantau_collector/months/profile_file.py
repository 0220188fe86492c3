"""The file of SLA profiles (TOML): a table `[[profile]]` for each version of each profile.

Keys are those of docs/sla.md; what a table leaves out is the preset's of that name, else the default's.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
import structlog

from pantau_collector.analysis.profiles import Profile, from_mapping
from pantau_collector.errors import ProfileError
from pantau_collector.followed import FollowedFile
from pantau_collector.i18n import marked as _
from pantau_collector.months.profile_book import ProfileBook

if TYPE_CHECKING:
    from pathlib import Path

log = structlog.get_logger()

UNREADABLE = _("{file}: cannot be read ({reason}): name a file that the collector's user may read")
NOT_TOML = _("{file}: is not TOML ({reason}): look at the place named")
UNKNOWN_TABLE = _("{file}: unknown key '{key}': write each profile as a table [[profile]]")
NOT_TABLES = _("{file}: write each profile as a table [[profile]], with two brackets on each side")
WRONG = _("{file}: profile {number} ({name}): {reason}: docs/sla.md lists the keys and what they may be")
BAD_NAME = _(
    "{file}: profile {number}: '{name}' cannot be a profile's name: use letters, digits, '.', '_', '-'"
)
TWICE = _("{file}: the profile {name} has two versions from {since} on: give the later its own date")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class ProfileSource(Protocol):
    """Where the current profiles come from."""

    def get(self) -> ProfileBook:
        """Return the profiles as they are now."""
        ...


class ProfileFile(FollowedFile[ProfileBook]):
    """Profiles in a file, read again whenever it has changed; without a file presets only. Thread-safe.

    The first reading raises `ProfileError`. Later a wrong file is reported once, and the last good version
    stays in use.
    """

    def _read(self) -> ProfileBook:
        return read(self._path) if self._path else ProfileBook()

    def _rejected(self, problem: str) -> None:
        log.warning("profiles.rejected", problem=problem, kept_version=self._found.version)

    def _accepted(self, found: ProfileBook) -> None:
        log.info("profiles.accepted", version=found.version, names=found.names)


def read(path: Path) -> ProfileBook:
    """Return the profiles in a file; raises `ProfileError`."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ProfileError(UNREADABLE, file=path, reason=error.strerror) from None
    return parse(content, str(path))


def parse(content: bytes, file: str) -> ProfileBook:
    """Return the profiles that TOML says; `file` names it in errors. Raises `ProfileError`."""
    try:
        written = tomllib.loads(content.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ProfileError(NOT_TOML, file=file, reason=error) from None
    for key in written.keys() - {"profile"}:
        raise ProfileError(UNKNOWN_TABLE, file=file, key=key)
    tables = written.get("profile", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ProfileError(NOT_TABLES, file=file)
    found = [_profile(table, number, file) for number, table in enumerate(tables, start=1)]
    seen: set[tuple[str, object]] = set()
    for one in found:
        if (one.name, one.since) in seen:
            raise ProfileError(TWICE, file=file, name=one.name, since=one.since)
        seen.add((one.name, one.since))
    return ProfileBook(found, hashlib.sha256(content).hexdigest())


def _profile(table: dict[str, Any], number: int, file: str) -> Profile:
    name = table.get("name", "")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ProfileError(BAD_NAME, file=file, number=number, name=name)
    try:
        return from_mapping(table)
    except msgspec.ValidationError as error:
        raise ProfileError(WRONG, file=file, number=number, name=name, reason=error) from None
