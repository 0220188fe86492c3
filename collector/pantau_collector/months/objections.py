"""Objections to a village's month: filed, answered, shown, and part of its evidence.

They stand in a series that only grows: what was said, by whom and when. An objection changes no verdict; what
it brings to light may, through the registry, the profiles or late data, and then opens a revision.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from pantau_collector.errors import ObjectionError
from pantau_collector.i18n import marked as _
from pantau_collector.months.instants import month_in
from pantau_collector.months.model import Objection
from pantau_collector.registry import areas
from pantau_collector.storage.base import SeriesRow

if TYPE_CHECKING:
    from pantau_collector.storage.base import Store

SERIES = "sla_objection"
FILED, ANSWERED = "filed", "answered"
_MAX_NAME, _MAX_TEXT = 200, 10_000

NO_VILLAGE = _(
    "there is no village '{village}': look the code up with 'pantau-collector registry search NAME'"
)
BAD_MONTH = _("'{month}' is not a month: write it as 2026-08")
NO_TEXT = _("say who it is, in up to {name} characters on one line, and what, in up to {most}")
UNKNOWN = _("there is no objection {number}: 'pantau-collector sla objections list' shows all")
ANSWERED_ALREADY = _("objection {number} was answered already, by {by}: file another one to go on")


def file(store: Store, village: str, month: str, *, by: str, text: str, now_ns: int) -> Objection:
    """Keep an objection; return it with its number. Raises `ObjectionError`, `StoreUnavailableError`."""
    if areas.village(village) is None:
        raise ObjectionError(NO_VILLAGE, village=village)
    try:
        month_in(month, village)
    except ValueError:
        raise ObjectionError(BAD_MONTH, month=month) from None
    _check(by, text)
    number = f"K{secrets.token_hex(5)}"
    values: dict[str, float | int | bool | str] = {"by": by, "text": text, "month": month}
    store.write_series([SeriesRow(SERIES, (village, number, FILED), now_ns, values)])
    return Objection(number=number, village=village, month=month, filed_at_ns=now_ns, by=by, text=text)


def answer(store: Store, number: str, *, by: str, text: str, now_ns: int) -> Objection:
    """Keep the answer to an objection, once; return both. Raises as `file` does."""
    _check(by, text)
    found = next(iter(_read(store, {"number": number})), None)
    if found is None:
        raise ObjectionError(UNKNOWN, number=number)
    if found.answered_at_ns is not None:
        raise ObjectionError(ANSWERED_ALREADY, number=number, by=found.answered_by)
    values: dict[str, float | int | bool | str] = {"by": by, "text": text, "month": found.month}
    store.write_series([SeriesRow(SERIES, (found.village, number, ANSWERED), now_ns, values)])
    return _read(store, {"number": number})[0]


def listed(store: Store, village: str | None = None, month: str | None = None) -> list[Objection]:
    """Return objections, of one village or month or of all, the oldest first."""
    found = _read(store, {} if village is None else {"village": village})
    return [one for one in found if month in (None, one.month)]


def _read(store: Store, where: dict[str, str]) -> list[Objection]:
    rows = store.series(SERIES, where=where)
    answers: dict[str, SeriesRow] = {}
    for row in rows:
        if row.tags[2] == ANSWERED:
            answers.setdefault(row.tags[1], row)  # of two at once the first is the answer
    return [_from_series(row, answers.get(row.tags[1])) for row in rows if row.tags[2] == FILED]


def _from_series(filed: SeriesRow, answered: SeriesRow | None) -> Objection:
    return Objection(
        number=filed.tags[1],
        village=filed.tags[0],
        month=str(filed.values["month"]),
        filed_at_ns=filed.time_ns,
        by=str(filed.values["by"]),
        text=str(filed.values["text"]),
        answered_at_ns=answered.time_ns if answered else None,
        answered_by=str(answered.values["by"]) if answered else "",
        answer=str(answered.values["text"]) if answered else "",
    )


def _check(by: str, text: str) -> None:
    named = by.strip() and by.isprintable() and len(by) <= _MAX_NAME
    if not named or not text.strip() or len(text) > _MAX_TEXT:
        raise ObjectionError(NO_TEXT, name=_MAX_NAME, most=_MAX_TEXT)
