"""`pantau-agent budget`: where the data went, for a person or a program.

On a terminal a table; anywhere else plain lines; with `as_json` one JSON object and nothing else.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from pantau_agent.budget.keeper import limits_of, path_of
from pantau_agent.budget.months import UNDATED
from pantau_agent.budget.report import report
from pantau_agent.i18n import _

if TYPE_CHECKING:
    import datetime as dt

    from pantau_agent.budget.report import Month, Report
    from pantau_agent.config import AgentConfig

_MEGA = 1_000_000
_PERCENT = 100


class Row(NamedTuple):
    """A line of the table: what it was for, and MB received, sent, together, and in the month before."""

    purpose: str
    received: str
    sent: str
    together: str
    before: str


def run_budget(config: AgentConfig, *, as_json: bool) -> int:
    """Print the report; raises `BudgetError` where nothing was ever counted."""
    found = report(path_of(config), limits_of(config), config.zone)
    if as_json:
        octets = msgspec.json.format(msgspec.json.encode(found), indent=2)
        sys.stdout.write(octets.decode() + "\n")
    elif sys.stdout.isatty():
        _print_table(found)
    else:
        _print_lines(found)
    return 0


def rows_of(found: Report) -> list[Row]:
    """Return the lines of the table, the last of them the sums."""
    before = {entry.purpose: entry.both_bytes for entry in found.previous.purposes}
    now = {entry.purpose: entry for entry in found.current.purposes}
    rows = []
    for purpose in [*now, *(name for name in before if name not in now)]:
        entry = now.get(purpose)
        each_way = (entry.rx_bytes, entry.tx_bytes) if entry else (0, 0)
        rows.append(_row(_purpose(purpose), *each_way, before.get(purpose, 0)))
    received = sum(entry.rx_bytes for entry in found.current.purposes)
    sent = sum(entry.tx_bytes for entry in found.current.purposes)
    return [*rows, _row(_("Together"), received, sent, found.previous.used_bytes)]


def _row(name: str, rx_bytes: int, tx_bytes: int, before_bytes: int) -> Row:
    amounts = (rx_bytes, tx_bytes, rx_bytes + tx_bytes, before_bytes)
    received, sent, together, before = map(_megabytes, amounts)
    return Row(name, received, sent, together, before)


def remarks_of(found: Report) -> list[str]:
    """Return what there is to say beside the table."""
    remarks = [*_about_budget(found)]
    if found.reserved_bytes:
        text = _("A test is running: {amount} MB are reserved for it.")
        remarks.append(text.format(amount=_megabytes(found.reserved_bytes)))
    if found.current.local_bytes:
        text = _("Not counted: {amount} MB that did not leave the local network (pings of the gateway).")
        remarks.append(text.format(amount=_megabytes(found.current.local_bytes)))
    if found.current.month == UNDATED:
        remarks.append(_("The month is not known yet: this device's clock was never set since it began."))
    return remarks


def _about_budget(found: Report) -> list[str]:
    if found.budget_bytes is None or found.left_bytes is None or found.thins_from_bytes is None:
        return [_("There is no limit: [budget] month_mb in the configuration sets one.")]
    left = _("Left: {left} MB of {budget} MB ({percent} %).").format(
        left=_megabytes(found.left_bytes),
        budget=_megabytes(found.budget_bytes),
        percent=found.left_bytes * _PERCENT // found.budget_bytes,
    )
    return [left, *_about_state(found)]


def _about_state(found: Report) -> list[str]:
    thins_from, budget = _megabytes(found.thins_from_bytes or 0), _megabytes(found.budget_bytes or 0)
    if found.state == "spent":
        return [_("It is spent: no speed test and no page until the next month; delay and loss go on.")]
    stops = _("At {amount} MB speed tests stop until the next month{expected}.").format(
        amount=budget, expected=_expected(found.spent_on)
    )
    if found.state == "thinned":
        return [_("It runs short: speed tests run in the peak hours only."), stops]
    thins = _("From {amount} MB on speed tests run in the peak hours only{expected}.").format(
        amount=thins_from, expected=_expected(found.thins_on)
    )
    return [thins, stops]


def _expected(day: dt.date | None) -> str:
    return "" if day is None else _(" (at this pace on {day})").format(day=day.isoformat())


def _purpose(purpose: str) -> str:
    names = {
        "speed": _("Speed tests"),
        "latency": _("Delay and loss"),
        "dns": _("Names (DNS)"),
        "http": _("Web pages"),
        "link": _("Link"),
        "traffic": _("Router counters"),
        "publishing": _("Publishing results"),
    }
    return names.get(purpose, purpose)


def _megabytes(count: int) -> str:
    """Return MB with one digit, in the way of the reader's language; a little is not nothing."""
    point = _("decimal point: .")[-1]
    group = _("thousands separator: ,")[-1]
    text = f"{count / _MEGA:,.1f}" if not 0 < count < _MEGA / 20 else "<0.1"
    return text.translate(str.maketrans(",.", group + point))


def _headings(found: Report) -> Row:
    return Row(_("MB"), _("received"), _("sent"), _("together"), _name(found.previous))


def _name(month: Month) -> str:
    return month.month or "-"


def _title(found: Report) -> str:
    return _("Data used in {month}").format(month=_name(found.current))


def _print_table(found: Report) -> None:
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs it
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console = Console()
    purpose, *amounts = _headings(found)
    table = Table(title=Text(_title(found), style="bold"), title_justify="left")
    table.add_column(purpose)
    for heading in amounts:
        table.add_column(heading, justify="right")
    *rows, sums = rows_of(found)
    for row in rows:
        table.add_row(*map(Text, row))
    table.add_section()
    table.add_row(*map(Text, sums), style="bold")
    console.print(table)
    for remark in remarks_of(found):
        console.print(remark, markup=False, highlight=False)


def _print_lines(found: Report) -> None:
    rows = [_headings(found), *rows_of(found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(Row._fields))]
    lines = [_title(found)]
    for purpose, *amounts in rows:
        cells = [text.rjust(width) for text, width in zip(amounts, widths[1:], strict=True)]
        lines.append("  ".join([purpose.ljust(widths[0]), *cells]))
    sys.stdout.write("\n".join([*lines, *remarks_of(found)]) + "\n")
