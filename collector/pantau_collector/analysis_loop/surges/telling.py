"""What a regency's newest bin means for people: surges that begin, are felt, and end."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from pantau_collector.analysis.surge.rules import BIN_S
from pantau_collector.analysis_loop.surges.state import Told
from pantau_collector.analysis_loop.surges.traffic import DIRECTIONS
from pantau_collector.i18n import LANGUAGES
from pantau_collector.notification.notices import Notice, Text
from pantau_collector.registry.codes import REGENCY_LENGTH
from pantau_collector.surges import words
from pantau_collector.surges.model import Felt, Surge, impacts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pantau_collector.i18n import Language
    from pantau_collector.notification.notices import Severity
    from pantau_collector.storage.base import SeriesRow
    from pantau_collector.surges.words import Explanation

log = structlog.get_logger()

_EVENTS: dict[Severity, str] = {"info": "surge.begun", "page": "surge.felt", "ended": "surge.ended"}


def ongoing(rows: Sequence[SeriesRow], regional_starts: Sequence[int]) -> dict[str, Surge]:
    """Return the surges of a bin's rows and of the regency as a whole, by code and direction."""
    found = [Surge.of(row) for row in rows]
    surges = [one for one in found if one.since_s is not None]
    for direction, start in zip(DIRECTIONS, regional_starts, strict=True):
        some = next((one for one in found if one.direction == direction), None)
        if start >= 0 and some is not None:
            regency = some.village[:REGENCY_LENGTH]
            surges.append(replace(some, village=regency, state="surge", since_s=float(start * BIN_S)))
    return {f"{one.village} {one.direction}": one for one in surges}


def tell(
    regency: str,
    surges: Mapping[str, Surge],
    told: dict[str, Told],
    felt: Callable[[list[str]], dict[str, Felt]],
) -> list[Notice]:
    """Log what has changed, and return it as notices; `told` is brought up to date.

    `felt` is asked of how lines fare where there are surges.
    """
    notices: list[Notice] = []
    fares = felt(sorted({one.village for one in surges.values() if len(one.village) > REGENCY_LENGTH}))
    for key, surge in surges.items():
        known = told.get(key)
        line = fares.get(surge.village, Felt())
        is_felt = bool(impacts(surge, line))
        if known is None or (is_felt and not known.paged):
            since_bin = known.since_bin if known else int((surge.since_s or 0) // BIN_S)
            told[key] = Told(since_bin, is_felt)
            notices.append(_notice(key, regency, told[key], surge, line))
    over = [key for key in told if key not in surges]
    return [*notices, *(_ended(key, regency, told.pop(key)) for key in over)]


def _notice(key: str, regency: str, told: Told, surge: Surge, line: Felt) -> Notice:
    severity: Severity = "page" if told.paged else "info"
    explained = {language: _explain(surge, line, language) for language in LANGUAGES}
    log.info(
        _EVENTS[severity],
        village=surge.village,
        direction=surge.direction,
        rate_bps=surge.rate_bps,
        ratio=surge.ratio,
        impact=list(impacts(surge, line)),
        explanation=explained["en"].text,
    )
    texts: dict[Language, Text] = {language: Text(one.title, one.text) for language, one in explained.items()}
    return Notice(
        f"surge {key} {told.since_bin} {severity}", regency, severity, texts, _page_of(surge.village)
    )


def _ended(key: str, regency: str, told: Told) -> Notice:
    village, direction = key.split()
    log.info("surge.ended", village=village, direction=direction, since_s=told.since_bin * BIN_S)
    texts: dict[Language, Text] = {
        language: Text(words.ended_title(village, direction, language), words.ended(language))
        for language in LANGUAGES
    }
    return Notice(
        f"surge {key} {told.since_bin} ended", regency, "ended", texts, _page_of(village), told.paged
    )


def _page_of(code: str) -> str:
    """Return where the portal shows it."""
    return f"/surges?area={code}" if len(code) == REGENCY_LENGTH else f"/surges/{code}"


def _explain(surge: Surge, line: Felt, language: Language) -> Explanation:
    if len(surge.village) == REGENCY_LENGTH:
        return words.explain_regional(surge, language)
    return words.explain(surge, line, language)
