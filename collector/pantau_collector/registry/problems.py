"""What can be wrong with a registry's CSV: each rule's words, and where it was broken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pantau_collector.i18n import Message
from pantau_collector.i18n import marked as _

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pantau_collector.i18n import Language

MISSING_FILE = _("there is no such file: write it, or begin it with 'pantau-collector registry add'")
UNREADABLE = _("cannot be read ({reason}): give the collector's user the right to read it")
NOT_UTF8 = _("is not UTF-8: in Excel save it as 'CSV UTF-8 (Comma delimited)'")
NOT_CSV = _("is not CSV ({reason}): look for a quotation mark that is not closed")
EMPTY = _("is empty: the first line must name the columns: {columns}")
MISSING_COLUMN = _("the column '{column}' is missing: the first line must name the columns {columns}")
UNKNOWN_COLUMN = _("unknown column '{column}': the columns are {columns}")
UNKNOWN_COLUMN_NEAR = _("unknown column '{column}': did you mean '{near}'?")
DOUBLE_COLUMN = _("the column '{column}' stands there twice: remove one")
NO_SUCH_COLUMN = _("the file has no column '{column}': add it to the first line, and a separator to each row")
FIELD_COUNT = _("{found} fields where the first line names {expected} columns: add or remove separators")
BAD_DEVICE = _(
    "'{value}' cannot be a device id: use 1 to 64 letters, digits, '.', '_' or '-', beginning with a letter "
    "or digit, and neither 'groups' nor a name that begins with 'collector-'"
)
NO_VILLAGE = _(
    "unknown village code '{value}': look the code up with 'pantau-collector registry search NAME'"
)
NO_VILLAGE_NEAR = _("unknown village code '{value}': did you mean {near} ({name})?")
NOT_A_VILLAGE = _(
    "'{value}' is {name}, not a village: give the code of a village in it, such as {near} ({near_name})"
)
BAD_SINCE = _("'{value}' is not an instant: write date, time and offset, such as 2026-11-01T00:00:00+07:00")
BAD_TECHNOLOGY = _("unknown technology '{value}': use one of {choices}, or leave it empty")
BAD_PROFILE = _("'{value}' cannot be the name of an SLA profile: use letters, digits, '.', '_' or '-'")
BAD_NETWORK = _(
    "'{value}' is not a network's fingerprint: 'pantau-collector sla networks' shows those that devices "
    "reported; write several with a space between"
)
BAD_YES_NO = _("'{value}' in the column '{column}' is neither yes nor no")
BAD_STATE = _("unknown state '{value}': use one of {choices}")
BAD_DEGREES = _(
    "'{value}' in the column '{column}' is not a number of degrees from {low} to {high}, as all of Indonesia "
    "has: write such as -7.7056 and 110.6061, or leave both empty"
)
HALF_A_POINT = _("one of latitude and longitude is empty: give both, or neither")
BAD_TEXT = _("the column '{column}' holds more than 200 characters or a control character")
DUPLICATE = _(
    "{device} has a row for {since} already, in line {other}: remove one of the two, or give the later "
    "its own instant"
)
TWO_SOURCES = _(
    "{village} has a traffic source already, {device} in line {other}: set traffic_source to 'no' in one "
    "of the two, or first add a row that ends the other's"
)


@dataclass(frozen=True, slots=True)
class Problem:
    """One broken rule. `line` counts from 1; 0 means the file as a whole."""

    path: Path
    line: int
    message: Message

    def text(self, language: Language = "en") -> str:
        """Return `file:line: what is wrong: what to do`."""
        place = f"{self.path}:{self.line}" if self.line else f"{self.path}"
        return f"{place}: {self.message.to(language)}"


def listing(problems: Sequence[Problem], language: Language = "en") -> str:
    """Return all problems, a line each."""
    return "\n".join(problem.text(language) for problem in problems)
