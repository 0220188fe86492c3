"""Languages of what operators read: Indonesian and English, through gettext catalogues.

Message ids are English and stand in the code as `_("...")`, which only marks them; the builder of a dashboard
translates them. `scripts/generated.sh` brings the catalogues up to date.
"""

from __future__ import annotations

import functools
import gettext
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from pantau_wire.vocabulary import Text

Language = Literal["id", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
DEFAULT: Language = "id"
LOCALE_FOLDER = Path(__file__).parent / "locale"


def marked(message: str) -> str:
    """Return the message as it is; imported as `_`, this marks it for the catalogue."""
    return message


def translate(message: str, language: Language) -> str:
    """Return a message in a language, or the message itself where the catalogue lacks it."""
    return _catalogue(language).gettext(message) if message else ""


def label(text: Text, language: Language) -> str:
    """Return the label that the tables of fields and series give a field."""
    return text.label_id if language == "id" else text.label_en


@functools.cache
def _catalogue(language: Language) -> gettext.NullTranslations:
    if language == "en":
        return gettext.NullTranslations()
    return gettext.translation("messages", LOCALE_FOLDER, [language], fallback=True)
