"""The ministry's page: a month's verdicts, with what they rest on."""

from __future__ import annotations

from pantau_dashboards import colours
from pantau_dashboards.boards.parts import WHEN, stat, village_table
from pantau_dashboards.i18n import marked as _
from pantau_dashboards.influxql import Statement, select
from pantau_dashboards.places import LEVELS
from pantau_dashboards.spec import Ask, Board, Field, Panel, Section
from pantau_dashboards.transforms import area_fields, label, named, names, ordered
from pantau_dashboards.units import MONTH as MONTH_UNIT
from pantau_dashboards.variables import chain, within

_PROVINCE = within("province")
_REGENCY = within("province", "regency")
_METRICS = ("availability", "download", "upload", "latency", "variation", "loss")
_FIGURES = (
    "availability_ratio",
    "availability_min_ratio",
    "availability_max_ratio",
    "coverage_ratio",
    "restitution_minute_count",
    "download_test_count",
    "download_reached_count",
    "upload_test_count",
    "upload_reached_count",
    "latency_within_ratio",
    "variation_within_ratio",
    "rt_loss_ratio",
)
_VERDICTS = ("verdict", *(f"{metric}_verdict" for metric in _METRICS))
_SHARES = {
    "villages": 'count("verdict")',
    "availability": 'mean("availability_ratio")',
    "coverage": 'mean("coverage_ratio")',
    "download": 'sum("download_reached_count") / sum("download_test_count")',
    "upload": 'sum("upload_reached_count") / sum("upload_test_count")',
    "restitution": 'sum("restitution_minute_count")',
}
_SHARE_FIELDS = (
    Field(name="villages", title=_("Villages judged"), unit="short"),
    Field(name="availability", title=_("Availability, mean"), limits=colours.AVAILABILITY, decimals=2),
    Field(name="coverage", title=_("Coverage, mean"), limits=colours.COVERAGE, decimals=1),
    Field(
        name="download",
        title=_("Downloads that reached 80%"),
        unit="percentunit",
        limits=colours.SPEED,
        decimals=1,
    ),
    Field(
        name="upload",
        title=_("Uploads that reached 80%"),
        unit="percentunit",
        limits=colours.SPEED,
        decimals=1,
    ),
    Field(name="restitution", title=_("Restitution"), unit="m"),
)


def _judged(verdict: str) -> Statement:
    where = (f"\"verdict\" = '{verdict}'", *_REGENCY)
    return select("sla_month", {"villages": 'count("verdict")'}, where=where)


def _verdict(verdict: str, title: str, about: str) -> Panel:
    limits = colours.Limits(colours.VERDICT_WORDS[verdict][1], ())
    return stat(title, about, _judged(verdict), "short", limits=limits, empty="0")


_COUNTS = Section(
    _("Verdicts"),
    (
        _verdict("pass", _("Pass"), _("Villages whose month kept every limit of their profile")),
        _verdict("fail", _("Fail"), _("Villages whose month broke at least one limit")),
        _verdict("inconclusive", _("Inconclusive"), _("Villages of which the figures allow neither verdict")),
        _verdict(
            "insufficient_data",
            _("Insufficient data"),
            _("Villages that were measured too little: neither pass nor fail"),
        ),
        stat(
            _("Availability, mean"),
            _("Mean over the villages judged"),
            select("sla_month", {"value": 'mean("availability_ratio")'}, where=_REGENCY),
            "percentunit",
            limits=colours.AVAILABILITY,
        ),
        stat(
            _("Restitution"),
            _("Minutes of long outages, of all villages"),
            select("sla_month", {"value": 'sum("restitution_minute_count")'}, where=_REGENCY),
            "m",
        ),
    ),
)

_AREAS = Section(
    _("By regency and by provider"),
    (
        Panel(
            kind="table",
            title=_("Regencies"),
            about=_(
                "The regency's villages together; tests are counted over all of them. The name leads to its "
                "page"
            ),
            asks=(
                Ask(select("sla_month", _SHARES, where=_PROVINCE, by=("regency", "province")), table=True),
                names("regency", _PROVINCE, today=True),
            ),
            unit="none",
            width=24,
            height=10,
            steps=(*named("regency"), ordered((label("regency"), *_SHARES))),
            fields=(*area_fields("regency", "regency"), *_SHARE_FIELDS),
            sort_by="availability",
            descending=False,
        ),
        Panel(
            kind="table",
            title=_("Providers"),
            about=_("The same for each provider in the chosen area"),
            asks=(Ask(select("sla_month", _SHARES, where=_REGENCY, by=("provider",)), table=True),),
            unit="none",
            width=24,
            height=7,
            steps=(ordered(("provider", *_SHARES)),),
            fields=(
                Field(name="Time", hidden=True),
                Field(name="provider", title=_("Provider"), width=220),
                *_SHARE_FIELDS,
            ),
            sort_by="availability",
            descending=False,
        ),
    ),
)

_VILLAGES = Section(
    _("Villages"),
    (
        village_table(
            _("Village by village"),
            _("Each village's month: verdicts, the figures with their bounds, and how much they rest on"),
            select(
                "sla_month",
                {name: f'"{name}"' for name in (*_VERDICTS, *_FIGURES)},
                where=_REGENCY,
                by=(*LEVELS, "provider"),
            ),
            ("village", WHEN, "provider", *_VERDICTS, *_FIGURES),
            _REGENCY,
            fields=(
                Field(name="village", title=_("Code"), width=120),
                Field(name="Time", title=_("Month"), unit=MONTH_UNIT, width=90),
                Field(name="provider", title=_("Provider"), width=150),
                *(Field(name=name, words=colours.VERDICT_WORDS, width=130) for name in _VERDICTS),
                Field(name="availability_ratio", limits=colours.AVAILABILITY, decimals=2),
                Field(name="coverage_ratio", limits=colours.COVERAGE, decimals=1),
                Field(name="rt_loss_ratio", limits=colours.LOSS, decimals=2),
            ),
            width=24,
            height=16,
            today=True,
        ),
    ),
)

MONTH = Board(
    name="month",
    about=_(
        "A month's verdict on each village, as the SLA's rules give it. Choose the month as the range. "
        "The time zone is that of Papua, so that the first of the month is the first everywhere. "
        "Empty until the month is judged"
    ),
    variables=chain(province="any", regency="any"),
    sections=(_COUNTS, _AREAS, _VILLAGES),
    links=("national", "regency"),
    since="now-1M/M",
    until="now-1M/M",
    refresh="",
    timezone="Asia/Jayapura",  # months begin at 17:00, 16:00 or 15:00 UTC: the last is its midnight
)
