"""A regency's operations centre: which villages need somebody now, and since when."""

from __future__ import annotations

from pantau_dashboards import colours
from pantau_dashboards.boards.parts import NEWEST, lines, newest, of_villages, stat, village_table
from pantau_dashboards.i18n import marked as _
from pantau_dashboards.influxql import EVERY, Statement, lasts, outer, select
from pantau_dashboards.places import LEVELS
from pantau_dashboards.spec import Board, Field, Section
from pantau_dashboards.units import FROM_NOW, TIMES
from pantau_dashboards.variables import chain, within

_WHOLE = within("regency")
_HERE = within("regency", "district")
PROBED = ('"sent_count" > 0',)
"""InfluxDB divides by zero to zero: no probes would look like no loss."""
LOST = '(sum("sent_count") - sum("received_count")) / sum("sent_count")'


def _now(column: str) -> Statement:
    return select("regency_5m", lasts(column), where=_WHOLE, recent=NEWEST)


def _over(expression: str) -> Statement:
    return select("regency_5m", {"value": expression}, where=_WHOLE, every=EVERY)


_NOW = Section(
    _("Now"),
    (
        stat(
            _("Registered villages"),
            _("Villages of the whole regency with an active device"),
            _now("village_count"),
            "short",
            limits=colours.PLAIN,
        ),
        stat(
            _("Reporting"),
            _("Villages of which at least one device reported in the newest five minutes"),
            _now("reporting_village_count"),
            "short",
            limits=colours.PLAIN,
        ),
        stat(
            _("Up"),
            _("Villages whose internet answers"),
            _now("up_village_count"),
            "short",
            limits=colours.Limits(colours.GREEN, ()),
        ),
        stat(
            _("Link down"),
            _("Villages whose devices work and whose provider's link does not"),
            _now("link_down_village_count"),
            "short",
            limits=colours.NONE_IS_GOOD,
        ),
        stat(
            _("Silent"),
            _("Villages of which nothing is heard: no power, no link, or all devices switched off"),
            _now("silent_village_count"),
            "short",
            limits=colours.Limits(colours.GREEN, ((1.0, colours.GREY),)),
        ),
        stat(
            _("Delay of the median village"),
            _("Round-trip delay to the testpoint"),
            _now("rtd_p50_ms"),
            "ms",
            limits=colours.DELAY,
        ),
    ),
)

_NEEDED = Section(
    _("Who needs somebody"),
    (
        village_table(
            _("Out of bounds now"),
            _("What the analysis finds out of bounds, how strong in the alert's own unit, and since when"),
            outer(
                select(
                    "active_alerts",
                    {
                        "on": 'last("active")',
                        "value": 'last("value")',
                        "since": 'last("since_s")',
                    },
                    where=_HERE,
                    by=(*LEVELS, "alert"),
                    recent=NEWEST,
                ),
                {"value": '"value"', "since": '"since" * 1000'},
                where=('"on" = 1',),
                by=(*LEVELS, "alert"),
                recent=NEWEST,
            ),
            ("alert", "value", "since"),
            _HERE,
            fields=(
                Field(name="alert", title=_("Alert"), words=colours.ALERT_WORDS, width=190),
                Field(name="value", title=_("How strong"), decimals=2, width=110),
                Field(name="since", title=_("Since"), unit=FROM_NOW, width=130),
            ),
            sort_by="since",
            descending=False,
        ),
        village_table(
            _("Silent villages"),
            _(
                "Registered villages without any measurement for more than 15 minutes, while our own ingest "
                "worked"
            ),
            outer(
                select("village_silence", lasts("silent_minutes"), where=_HERE, by=LEVELS, recent=NEWEST),
                {"silent_minutes": '"silent_minutes"'},
                where=(f'"silent_minutes" > {colours.QUIET_MINUTES:.0f}',),
                by=LEVELS,
                recent=NEWEST,
            ),
            ("silent_minutes",),
            _HERE,
            fields=(Field(name="silent_minutes", title=_("Silent for"), limits=colours.SILENCE, width=160),),
            sort_by="silent_minutes",
        ),
        village_table(
            _("Top surges"),
            _("Villages by their surge score; above 3.5 is a surge"),
            newest("surge", ("score", "ratio", "rate_bps", "baseline_bps"), _HERE, ("direction",)),
            ("direction", "score", "ratio", "rate_bps", "baseline_bps"),
            _HERE,
            fields=(
                Field(name="direction", title=_("Direction"), width=90),
                Field(name="score", limits=colours.SCORE, decimals=1, width=110),
                Field(name="ratio", unit=TIMES, decimals=1, width=110),
            ),
            sort_by="score",
            width=24,
            height=8,
        ),
    ),
)

_BY_VILLAGE = Section(
    _("Village by village"),
    (
        of_villages(
            "timeline",
            _("State of the villages"),
            _("The worst state in each interval. Nothing is drawn where there are no figures"),
            series="village_5m",
            expression='max("state_index")',
            where=_HERE,
            unit="none",
            words=colours.STATE_INDEX_WORDS,
            interval="5m",
        ),
        of_villages(
            "heatmap",
            _("Round-trip delay of the villages"),
            _("Median to the testpoint, a row for each village; bright is slow, empty is not measured"),
            series="village_5m",
            expression='median("rtd_p50_ms")',
            where=_HERE,
            unit="ms",
            minimum=0,
            interval="15m",
        ),
        of_villages(
            "heatmap",
            _("Packet loss of the villages"),
            _(
                "Lost of all probes to the testpoint, a row for each village; bright is much, empty is not "
                "measured"
            ),
            series="village_5m",
            expression=LOST,
            where=_HERE,
            unit="percentunit",
            minimum=0,
            interval="15m",
            present=PROBED,
        ),
        village_table(
            _("Villages now"),
            _("The newest five minutes of every registered village; empty is not measured"),
            newest(
                "village_5m",
                (
                    "state",
                    "device_count",
                    "reporting_device_count",
                    "rtd_p50_ms",
                    "rt_loss_ratio",
                    "rx_rate_bps",
                    "contracted_download_bps",
                ),
                _HERE,
            ),
            (
                "state",
                "device_count",
                "reporting_device_count",
                "rtd_p50_ms",
                "rt_loss_ratio",
                "rx_rate_bps",
                "contracted_download_bps",
            ),
            _HERE,
            fields=(
                Field(name="state", words=colours.STATE_WORDS),
                Field(name="rtd_p50_ms", limits=colours.DELAY, decimals=1),
                Field(name="rt_loss_ratio", limits=colours.LOSS, decimals=2),
            ),
            width=24,
            height=14,
            keep_all=True,
        ),
    ),
)

_OVER_TIME = Section(
    _("The regency over time"),
    (
        lines(
            _("Villages by state"),
            _(
                "How many villages are up, have their link down, or are silent; a gap is a time without "
                "figures"
            ),
            (
                (_over('last("up_village_count")'), _("Up"), colours.GREEN),
                (_over('last("link_down_village_count")'), _("Link down"), colours.VERMILLION),
                (_over('last("silent_village_count")'), _("Silent"), colours.GREY),
            ),
            "short",
        ),
        lines(
            _("Traffic of all villages"),
            _("Sum of the declared traffic sources, our own tests subtracted"),
            (
                (_over('mean("rx_rate_bps")'), _("Received"), colours.BLUE),
                (_over('mean("tx_rate_bps")'), _("Sent"), colours.ORANGE),
            ),
            "bps",
        ),
    ),
)

REGENCY = Board(
    name="regency",
    about=_(
        "A regency's operations centre: what is out of bounds, who is silent, and every village over time"
    ),
    variables=chain(province="one", regency="one", district="any"),
    sections=(_NOW, _NEEDED, _BY_VILLAGE, _OVER_TIME),
    links=("national", "surge", "technician", "month", "pipeline"),
    refresh="1m",
)
