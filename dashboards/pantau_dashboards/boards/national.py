"""The nation, or one province: how many villages are up, which regencies need somebody."""

from __future__ import annotations

from pantau_dashboards import colours
from pantau_dashboards.boards.parts import NEWEST, lines, stat
from pantau_dashboards.i18n import marked as _
from pantau_dashboards.influxql import EVERY, Statement, lasts, outer, select
from pantau_dashboards.spec import Ask, Board, Field, Panel, Section
from pantau_dashboards.transforms import area_fields, label, named, names, ordered
from pantau_dashboards.variables import chain, within

_ROWS = "regency_5m"
_HERE = within("province")
_TABLE = (
    "village_count",
    "reporting_village_count",
    "up_village_count",
    "link_down_village_count",
    "silent_village_count",
    "rtd_p50_ms",
    "rt_loss_ratio",
    "rx_rate_bps",
)


def _total(column: str) -> Statement:
    """Return the sum over the regencies, each with its newest row in the bin."""
    inner = select(_ROWS, lasts(column), where=_HERE, by=("regency",), every=EVERY, fill="none")
    return outer(inner, {column: f'sum("{column}")'}, every=EVERY)


def _now(column: str) -> Statement:
    """Return the sum over the regencies as they are now."""
    inner = select(_ROWS, lasts(column), where=_HERE, by=("regency",), recent=NEWEST)
    return outer(inner, {column: f'sum("{column}")'}, recent=NEWEST)


def _over(series: str, expression: str, every: str) -> Statement:
    return select(series, {"value": expression}, where=_HERE, every=every)


def _count(column: str, title: str, about: str, limits: colours.Limits) -> Panel:
    return stat(title, about, _now(column), "short", limits=limits)


_ALERTS = outer(
    select("active_alerts", lasts("active"), where=_HERE, by=("village", "alert"), recent=NEWEST),
    {"active": 'sum("active")'},
    recent=NEWEST,
)
_NOW = Section(
    _("Now"),
    (
        _count("village_count", _("Registered villages"), _("Villages with an active device"), colours.PLAIN),
        _count(
            "reporting_village_count",
            _("Reporting"),
            _("Villages of which at least one device reported in the newest five minutes"),
            colours.PLAIN,
        ),
        _count(
            "up_village_count",
            _("Up"),
            _("Villages whose internet answers"),
            colours.Limits(colours.GREEN, ()),
        ),
        _count(
            "link_down_village_count",
            _("Link down"),
            _("Villages whose devices work and whose provider's link does not"),
            colours.NONE_IS_GOOD,
        ),
        _count(
            "silent_village_count",
            _("Silent"),
            _("Villages of which nothing is heard: no power, no link, or all devices switched off"),
            colours.Limits(colours.GREEN, ((1.0, colours.GREY),)),
        ),
        stat(
            _("Alerts now"),
            _("What is out of bounds now, over all villages"),
            _ALERTS,
            "short",
            limits=colours.NONE_IS_GOOD,
        ),
    ),
)

_REGENCIES = Section(
    _("Regencies"),
    (
        Panel(
            kind="table",
            title=_("Regencies now"),
            about=_("The newest five minutes of each regency; the name leads to its page"),
            asks=(
                Ask(
                    select(_ROWS, lasts(*_TABLE), where=_HERE, by=("regency", "province"), recent=NEWEST),
                    table=True,
                ),
                names("regency", _HERE),
            ),
            unit="short",
            width=24,
            height=12,
            steps=(*named("regency"), ordered((label("regency"), *_TABLE))),
            fields=(
                *area_fields("regency", "regency"),
                Field(name="link_down_village_count", limits=colours.NONE_IS_GOOD),
                Field(name="rtd_p50_ms", limits=colours.DELAY, decimals=1),
                Field(name="rt_loss_ratio", limits=colours.LOSS, decimals=2),
            ),
            sort_by="link_down_village_count",
        ),
    ),
)

_OVER_TIME = Section(
    _("Over time"),
    (
        lines(
            _("Villages by state"),
            _(
                "How many villages are up, have their link down, or are silent; a gap is a time without "
                "figures"
            ),
            (
                (_total("up_village_count"), _("Up"), colours.GREEN),
                (_total("link_down_village_count"), _("Link down"), colours.VERMILLION),
                (_total("silent_village_count"), _("Silent"), colours.GREY),
            ),
            "short",
        ),
        lines(
            _("Traffic of all villages"),
            _("Sum of the declared traffic sources, our own tests subtracted"),
            (
                (_total("rx_rate_bps"), _("Received"), colours.BLUE),
                (_total("tx_rate_bps"), _("Sent"), colours.ORANGE),
            ),
            "bps",
        ),
        lines(
            _("Round-trip delay of the regencies"),
            _(
                "The median village of each regency: the middle one of all regencies, and their 95th "
                "percentile. "
                "The dashed lines are the limits of the profiles default and satelit"
            ),
            (
                (_over("regency_5m", 'median("rtd_p50_ms")', EVERY), _("Median regency"), colours.BLUE),
                (
                    _over("regency_5m", 'percentile("rtd_p50_ms", 95)', EVERY),
                    _("95th percentile"),
                    colours.ORANGE,
                ),
            ),
            "ms",
            limits=colours.DELAY,
        ),
        lines(
            _("Speed of the median village"),
            _("The median over the regencies of their median villages, by each day's counted tests"),
            (
                (_over("regency_1d", 'median("download_goodput_bps")', "1d"), _("Download"), colours.BLUE),
                (_over("regency_1d", 'median("upload_goodput_bps")', "1d"), _("Upload"), colours.ORANGE),
            ),
            "bps",
            interval="1d",
        ),
    ),
)

NATIONAL = Board(
    name="national",
    about=_(
        "All villages of the nation, or of one province: states, traffic, delay, and the regencies in order"
    ),
    variables=chain(province="any"),
    sections=(_NOW, _REGENCIES, _OVER_TIME),
    links=("month", "pipeline"),
)
