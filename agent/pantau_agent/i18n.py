"""Languages of what a technician reads: Indonesian and English, through gettext catalogues.

Message ids are English and stand in the code as `_("...")`; `locale/id/LC_MESSAGES/messages.po` holds
the Indonesian. `scripts/generated.sh` brings the catalogues up to date.
"""

from __future__ import annotations

import gettext
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

LOCALE_FOLDER = Path(__file__).parent / "locale"


def translator(language: str | None = None) -> Callable[[str], str]:
    """Return the function that puts a message into the language, or the terminal's where it is None."""
    if (language or _of_terminal()) == "en":
        return gettext.NullTranslations().gettext
    return gettext.translation("messages", LOCALE_FOLDER, ["id"], fallback=True).gettext


def _of_terminal() -> str:
    """Return the language of the person at the terminal: Indonesian where the environment says so."""
    for variable in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(variable):
            return "id" if value.lower().startswith("id") else "en"
    return "en"
