"""The health of the pipeline: collectors, what they take in, what waits, and what is about to lapse."""

from __future__ import annotations

from pantau_dashboards import colours
from pantau_dashboards.boards.parts import lines
from pantau_dashboards.i18n import marked as _
from pantau_dashboards.influxql import EVERY, Statement, select
from pantau_dashboards.spec import Ask, Board, Panel, Section

_WIDER = "2m"  # rows come once a minute, not on it: a bin of two always holds one


def _each(expression: str, name: str = "$tag_collector") -> tuple[Statement, str, str]:
    statement = select("pipeline", {"value": expression}, by=("collector",), every=EVERY)
    return statement, name, ""


def _flags(title: str, about: str, asks: tuple[tuple[str, str], ...], words: colours.Wording) -> Panel:
    return Panel(
        kind="timeline",
        title=title,
        about=about,
        asks=tuple(Ask(_each(f'last("{column}")')[0], name) for column, name in asks),
        unit="none",
        height=6,
        words=words,
        interval=_WIDER,
    )


_STATES = Section(
    _("States"),
    (
        _flags(
            _("Broker and database"),
            _(
                "Whether each collector has its broker, and its database answers; a gap is a collector that "
                "is off"
            ),
            (
                ("broker_connected", _("$tag_collector: broker")),
                ("store_healthy", _("$tag_collector: database")),
            ),
            colours.FLAG_WORDS,
        ),
        _flags(
            _("Breaker"),
            _(
                "Open while the database refuses what many devices send: everything is deferred, nothing is "
                "lost"
            ),
            (("breaker_open", "$tag_collector"),),
            colours.ALARM_WORDS,
        ),
    ),
)

_FLOW = Section(
    _("Flow"),
    (
        lines(
            _("Points a minute"),
            _("Measurements that each collector stored"),
            (_each('mean("point_count")'),),
            "short",
            interval=_WIDER,
        ),
        lines(
            _("Envelopes a minute"),
            _("Messages that each collector took from the broker"),
            (_each('mean("envelope_count")'),),
            "short",
            interval=_WIDER,
        ),
        lines(
            _("Arrival after measurement"),
            _("How old measurements are when they are stored; a backlog after an outage shows here"),
            (
                _each('max("lag_p50_s")', _("$tag_collector, median")),
                _each('max("lag_p95_s")', _("$tag_collector, 95th percentile")),
            ),
            "s",
            interval=_WIDER,
            limits=colours.LAG,
        ),
        lines(
            _("Late batches"),
            _(
                "Batches that arrived after their five minutes were summed up; their windows are computed "
                "anew"
            ),
            ((select("late", {"value": 'count("until_ns")'}, every=EVERY), _("Batches"), colours.BLUE),),
            "short",
            kind="bars",
            interval="5m",
        ),
    ),
)

_TROUBLE = Section(
    _("Trouble"),
    (
        lines(
            _("Dead letters"),
            _("What our own decoder refused, in each interval; look with pantau-collector dead-letters list"),
            (_each('sum("dead_letter_count")'),),
            "short",
            kind="bars",
            interval="5m",
        ),
        lines(
            _("Deferred"),
            _("What was not taken for now, in each interval: unknown devices, a rate limit, the database"),
            (_each('sum("deferred_count")'),),
            "short",
            kind="bars",
            interval="5m",
        ),
        lines(
            _("Waiting to be written"),
            _("In the collector's memory; at its bound nothing is read from the broker any more"),
            (_each('max("waiting_bytes")'),),
            "decbytes",
            interval=_WIDER,
        ),
        lines(
            _("Dead letters on disk"),
            _("Size of the file; each device has a quota"),
            (_each('max("dead_letters_bytes")'),),
            "decbytes",
            interval="10m",
        ),
        lines(
            _("Certificates near expiry"),
            _("Certificates that end within 45 days"),
            (_each('max("expiring_certificate_count")'),),
            "short",
            interval="10m",
            limits=colours.NONE_IS_GOOD,
        ),
        lines(
            _("Until the revocation list lapses"),
            _(
                "A lapsed list locks everybody out; a collector with the identity folder signs it anew in "
                "time"
            ),
            (_each('min("revocation_list_left_s")'),),
            "s",
            interval="10m",
            limits=colours.REVOCATION_LIST,
        ),
    ),
)

PIPELINE = Board(
    name="pipeline",
    about=_("Collectors: what they take in, how late, what they refuse or defer, and what is about to lapse"),
    variables=(),
    sections=(_STATES, _FLOW, _TROUBLE),
    links=("national", "technician"),
    refresh="1m",
)
