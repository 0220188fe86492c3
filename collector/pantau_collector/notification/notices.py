"""What is to be told, and how several of them become one message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from pantau_collector.i18n import marked as _
from pantau_collector.i18n import translate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pantau_collector.i18n import Language

Severity = Literal["info", "page", "ended"]
_MOST = 20
_MANY = _("Pantau: {count} messages, {pages} of them urgent")
_MORE = _("And {count} more.")


class Text(NamedTuple):
    """A title and what there is to say."""

    title: str
    body: str


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell of a regency. The same key is told once.

    `page` calls people; `ended` says that it is over, `urgent` that people had been called for it.
    """

    key: str
    regency: str
    severity: Severity
    texts: Mapping[Language, Text]
    page: str
    """Where the portal shows it: a path."""
    urgent: bool = False


def message(some: Sequence[tuple[Severity, Text]], language: Language) -> Text:
    """Return one message for several notices, those that call people first."""
    ordered = sorted(some, key=lambda one: one[0] != "page")
    if len(ordered) == 1:
        return ordered[0][1]
    pages = sum(severity == "page" for severity, _text in ordered)
    title = translate(_MANY, language).format(count=len(ordered), pages=pages)
    parts = [f"{text.title}\n{text.body}" for _severity, text in ordered[:_MOST]]
    if len(ordered) > _MOST:
        parts.append(translate(_MORE, language).format(count=len(ordered) - _MOST))
    return Text(title, "\n\n".join(parts))
