"""Languages of what a technician reads: Indonesian and English, through gettext catalogues.

Message ids are English and stand in the code as `_("...")`; `locale/id/LC_MESSAGES/messages.po` holds
the Indonesian. `scripts/generated.sh` brings the catalogues up to date.
"""

from __future__ import annotations

import functools
import gettext
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

LOCALE_FOLDER = Path(__file__).parent / "locale"


class _Choice:
    """The language that this process was told to speak; None is the terminal's."""

    language: str | None = None


def use(language: str | None) -> None:
    """Let `_` speak this language from now on, or the terminal's where it is None."""
    _Choice.language = language


def _(text: str) -> str:
    """Return the message in the language of this process."""
    return translator(_Choice.language)(text)


def translator(language: str | None = None) -> Callable[[str], str]:
    """Return the function that puts a message into the language, or the terminal's where it is None."""
    return _catalogue(language or _of_terminal()).gettext


@functools.cache
def _catalogue(language: str) -> gettext.NullTranslations:
    if language == "en":
        return gettext.NullTranslations()
    return gettext.translation("messages", LOCALE_FOLDER, ["id"], fallback=True)


def _of_terminal() -> str:
    """Return the language of the person at the terminal: Indonesian where the environment says so."""
    for variable in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(variable):
            return "id" if value.lower().startswith("id") else "en"
    return "en"
