"""An area's month in few figures, as Excel files and PDF show it: labels and values, and its parts' table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pantau_collector.i18n import marked as _
from pantau_collector.i18n import translate
from pantau_collector.months import words
from pantau_collector.months.model import COUNT_FIELDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from pantau_collector.i18n import Language
    from pantau_collector.months.model import AreaMonth

Kind = Literal["text", "count", "ratio"]
Value = str | int | float | None

PARTS = {
    0: _("Province"),
    2: _("Regency"),
    5: _("District"),
    8: _("Village"),
}
"""What the areas directly inside are called, by the length of the code around them."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of an area's month. `text` is a message."""

    text: str
    kind: Kind
    value: Callable[[AreaMonth], Value]
    verdict: str = ""
    sample: bool = False
    """Whether it only says how much a share rests on."""

    def label(self, language: Language) -> str:
        """Return what people call it."""
        return translate(self.text, language)


def _counted(field: str) -> Callable[[AreaMonth], Value]:
    return lambda area: getattr(area.counts, field)


FIGURES: tuple[Figure, ...] = (
    Figure(_("Villages judged"), "count", lambda area: area.counts.villages),
    *(Figure(text, "count", _counted(COUNT_FIELDS[word]), word) for word, text in words.VERDICTS.items()),
    Figure(_("Mean coverage"), "ratio", lambda area: area.coverage_ratio),
    Figure(_("Restitution, minutes"), "count", lambda area: area.restitution_minutes),
    Figure(_("Download tests"), "count", lambda area: area.download_tests, sample=True),
    Figure(_("Download reached"), "ratio", lambda area: area.download_share),
    Figure(_("Upload tests"), "count", lambda area: area.upload_tests, sample=True),
    Figure(_("Upload reached"), "ratio", lambda area: area.upload_share),
)


def part_label(code: str, language: Language) -> str:
    """Return what the areas directly inside this one are called."""
    return translate(PARTS[len(code)], language) if len(code) in PARTS else ""
