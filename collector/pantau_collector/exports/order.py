"""What is exported: whose month, from which reader, in which language, under which letterhead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pantau_collector.exports import areas
from pantau_collector.months import words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pantau_collector.i18n import Language
    from pantau_collector.months.model import AreaMonth, MonthReader, VillageMonth


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One export. `area` is the month of the area that is asked for; `letterhead` whose report this is."""

    reader: MonthReader
    area: AreaMonth
    language: Language
    letterhead: Sequence[str] = ()

    @property
    def code(self) -> str:
        """The area's code, an empty text for the nation."""
        return self.area.code

    @property
    def title(self) -> str:
        """The area and the areas around it: `Klaten, Jawa Tengah`."""
        named = [area.name for area in reversed(areas.path(self.code))]
        return ", ".join(named) or areas.NATION_NAME

    @property
    def month(self) -> str:
        """The month as people write it."""
        return words.month(self.area.month, self.language)

    def lines(self) -> Iterator[VillageMonth]:
        """Yield the lines of the area's villages, by code."""
        return areas.lines(self.reader, self.area.month, self.code)

    def children(self) -> list[AreaMonth]:
        """Return the months of the areas directly inside."""
        return self.reader.children(self.area.month, self.code)
