"""Languages of everything that people read: Indonesian and English, through Babel's catalogues.

Message ids are English and stand in the code; `locale/id/LC_MESSAGES/messages.po` holds the Indonesian.
Write `_("...")` around a text where it stands, to have it found (here `_` only marks), and translate it where
it is shown. `scripts/generated.sh` brings the catalogues up to date.
"""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from babel.support import NullTranslations, Translations

if TYPE_CHECKING:
    from collections.abc import Mapping

Language = Literal["id", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
DEFAULT: Language = "id"
LOCALE_FOLDER = Path(__file__).parent / "locale"


def marked(message: str) -> str:
    """Return the message as it is; imported as `_`, this marks it for the catalogue."""
    return message


@dataclass(frozen=True, slots=True)
class Message:
    """A text with its values, to be translated where it is shown. `text` is the English pattern."""

    text: str
    values: Mapping[str, object] = field(default_factory=dict)

    def to(self, language: Language) -> str:
        """Return the text in a language, with the values filled in."""
        return translate(self.text, language).format_map(self.values)


@functools.cache
def catalogue(language: Language) -> NullTranslations:
    """Return the catalogue of a language; English is the message ids themselves."""
    if language == "en":
        return NullTranslations()
    return Translations.load(LOCALE_FOLDER, [language])


def translate(text: str, language: Language) -> str:
    """Return a text in a language, or the text itself where the catalogue lacks it."""
    return catalogue(language).gettext(text)


def known(language: str | None) -> Language | None:
    """Return the language if it is one of ours, else None."""
    return language if language in LANGUAGES else None


def of_terminal() -> Language:
    """Return the language of the person at the terminal, from LANGUAGE, LC_ALL, LC_MESSAGES or LANG."""
    for variable in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(variable):
            return "id" if value.lower().startswith("id") else "en"
    return "en"
