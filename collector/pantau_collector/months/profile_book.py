"""The SLA profiles by name: what the file of profiles says, each version dated, and presets beside it."""

from __future__ import annotations

import functools
from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec

from pantau_collector.analysis.profiles import Profile, Profiles, from_mapping

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date


class ProfileBook:
    """Dated versions of profiles by name. Immutable. `version`: the SHA-256 of the file, empty without one.

    A name that the file does not have is judged by its preset, or by `default`'s limits, without a contract.
    """

    def __init__(self, profiles: Iterable[Profile] = (), version: str = "") -> None:
        self.version = version
        self._of_name: dict[str, list[Profile]] = defaultdict(list)
        for profile in sorted(profiles, key=lambda one: one.since):
            self._of_name[profile.name].append(profile)
        self._chosen = functools.lru_cache(maxsize=4096)(self._choose)

    @property
    def names(self) -> list[str]:
        """The names that the file has, in order."""
        return sorted(self._of_name)

    def versions(self, name: str) -> Sequence[Profile]:
        """Return the versions of a profile, oldest first; at least one."""
        return self._of_name.get(name) or [without_contract(name)]

    def on(self, name: str, day: date) -> Profile:
        """Return the version in force on a local day."""
        return Profiles(self.versions(name)).on(day)

    def profiles(self, names: tuple[tuple[date, str], ...]) -> Profiles:
        """Return the dated profiles of a village that points at these names, each from its day on.

        The first holds for all days before, too.
        """
        return self._chosen(names)

    def _choose(self, names: tuple[tuple[date, str], ...]) -> Profiles:
        found: list[Profile] = []
        for place, (since, name) in enumerate(names):
            versions = self.versions(name)
            if place == 0:
                found = list(versions)
                continue
            found = [one for one in found if one.since < since]
            found.append(msgspec.structs.replace(Profiles(versions).on(since), since=since))
            found += [one for one in versions if one.since > since]
        return Profiles(found)


@functools.cache
def without_contract(name: str) -> Profile:
    """Return what a name means by itself: its preset's limits, and no contracted rates."""
    return from_mapping({"name": name, "contracted_download_bps": None, "contracted_upload_bps": None})
