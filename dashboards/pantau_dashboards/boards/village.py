"""One village: its line against the contract and the profile, hour by hour, and every test."""

from __future__ import annotations

from pantau_dashboards import colours
from pantau_dashboards.alerting import bounds
from pantau_dashboards.boards.parts import NEWEST, lines, stat
from pantau_dashboards.boards.regency import LOST, PROBED
from pantau_dashboards.i18n import marked as _
from pantau_dashboards.influxql import EVERY, Statement, lasts, select
from pantau_dashboards.spec import Ask, Board, Field, Panel, Section
from pantau_dashboards.transforms import ordered
from pantau_dashboards.variables import OF_DEVICE, chain, devices, inside

_HERE = (inside("village"),)
_DEVICES = (OF_DEVICE,)
_CONTRACT = _("Contract")
_ENOUGH = _("80 percent of the contract")
_RAW_INTERVAL = "2m"  # agents measure once a minute: a bin of two always holds one
_TESTS = (
    "download_goodput_bps",
    "upload_goodput_bps",
    "idle_rtd_p50_ms",
    "loaded_rtd_down_p50_ms",
    "loaded_rtd_up_p50_ms",
    "limited_by",
    "failure",
    "server",
    "limit_detail",
)


def _now(series: str, column: str, newest: str = NEWEST) -> Statement:
    return select(series, lasts(column), where=_HERE, recent=newest)


def _over(expression: str, series: str = "village_5m", where: tuple[str, ...] = ()) -> Statement:
    return select(series, {"value": expression}, where=(*_HERE, *where), every=EVERY)


def _tests(column: str) -> Statement:
    return select("speed", {"value": f'"{column}"'}, where=_DEVICES)


def _raw(kind: str, expression: str, *by: str) -> Statement:
    return select(kind, {"value": expression}, where=_DEVICES, by=by, every=EVERY)


def _against_contract(title: str, name: str, direction: str, colour: str) -> Panel:
    contract = f'mean("contracted_{direction}_bps")'
    return lines(
        title,
        _(
            "Each test as a point, of all devices and engines; the band reaches from 80 to 100 percent of "
            "the contract. What limited a test stands in the table of tests"
        ),
        (
            (_tests(f"{direction}_goodput_bps"), name, ""),
            (_over(contract, "village_1h"), _CONTRACT, ""),
            (_over(f"{contract} * {bounds.SPEED_RATIO}", "village_1h"), _ENOUGH, ""),
        ),
        "bps",
        interval="1h",
        extra=(
            Field(name=name, colour=colour, points=True),
            Field(name=_CONTRACT, colour=colours.GREEN, band_to=_ENOUGH),
            Field(name=_ENOUGH, colour=colours.GREEN, dashed=True),
        ),
    )


_NOW = Section(
    _("Now"),
    (
        stat(
            _("State"),
            _("State of the village in its newest five minutes, and so the cause of an outage"),
            _now("village_5m", "state_index"),
            "none",
            words=colours.STATE_INDEX_WORDS,
        ),
        stat(
            _("Silent for"),
            _("Minutes since the last measurement of any device, while our own ingest worked"),
            _now("village_silence", "silent_minutes"),
            "m",
            limits=colours.SILENCE,
        ),
        stat(
            _("Delay"),
            _("Median to the testpoint"),
            _now("village_5m", "rtd_p50_ms"),
            "ms",
            limits=colours.DELAY,
        ),
        stat(
            _("Packet loss"),
            _("Lost of the probes to the testpoint in the newest five minutes"),
            _now("village_5m", "rt_loss_ratio"),
            "percentunit",
            limits=colours.LOSS,
        ),
        stat(
            _("Download, last full day"),
            _("Median of the day's counted tests"),
            _now("village_1d", "download_goodput_bps", "2d"),
            "bps",
        ),
        stat(
            _("Contract, download"),
            _("What the provider promised"),
            _now("village_5m", "contracted_download_bps"),
            "bps",
        ),
    ),
)

_SPEED = Section(
    _("Speed"),
    (
        _against_contract(_("Download against the contract"), _("Download tests"), "download", colours.BLUE),
        _against_contract(_("Upload against the contract"), _("Upload tests"), "upload", colours.ORANGE),
        lines(
            _("Idle and loaded delay"),
            _("Round-trip delay before and during each test: what a full line does to everybody else on it"),
            (
                (_tests("idle_rtd_p50_ms"), _("Idle"), colours.GREEN),
                (_tests("loaded_rtd_down_p50_ms"), _("During downloads"), colours.BLUE),
                (_tests("loaded_rtd_up_p50_ms"), _("During uploads"), colours.ORANGE),
            ),
            "ms",
            kind="points",
        ),
        lines(
            _("What users feel"),
            _("How long a name and a whole page take; the median of all devices"),
            (
                (_raw("dns", 'median("resolve_ms")'), _("Name"), colours.BLUE),
                (_raw("http", 'median("total_ms")'), _("Page"), colours.ORANGE),
            ),
            "ms",
            interval="10m",
        ),
    ),
)

_QUALITY = Section(
    _("Delay, variation, loss"),
    (
        lines(
            _("Round-trip delay"),
            _(
                "To the testpoint: median, and the highest 95th percentile of five minutes. The dashed lines "
                "are the limits of the profiles default (100 ms) and satelit (700 ms)"
            ),
            (
                (_over('median("rtd_p50_ms")'), _("Median"), colours.BLUE),
                (_over('max("rtd_p95_ms")'), _("95th percentile"), colours.ORANGE),
            ),
            "ms",
            limits=colours.DELAY,
        ),
        lines(
            _("Delay variation"),
            _(
                "95th percentile of the delay above the sample's smallest (RFC 5481); the dashed line is "
                "the limit"
            ),
            ((_over('median("rtd_pdv_p95_ms")'), _("Variation"), colours.BLUE),),
            "ms",
            limits=colours.VARIATION,
        ),
        lines(
            _("Packet loss"),
            _("Lost of all probes to the testpoint; the dashed line is the limit of 1%"),
            ((_over(LOST, where=PROBED), _("Loss"), colours.VERMILLION),),
            "percentunit",
            limits=colours.LOSS,
        ),
        lines(
            _("Delay by target"),
            _("Gateway, testpoint and internet: where on the way the time is lost"),
            ((_raw("latency", 'median("rtd_p50_ms")', "target"), "$tag_target", ""),),
            "ms",
            interval=_RAW_INTERVAL,
        ),
    ),
)

_TRAFFIC = Section(
    _("Traffic"),
    (
        lines(
            _("Traffic and its normal level"),
            _("Rate at the declared source, our own tests subtracted, and what is normal at this hour"),
            (
                (_over('mean("rx_rate_bps")'), _("Received"), colours.BLUE),
                (_over('mean("tx_rate_bps")'), _("Sent"), colours.ORANGE),
                (
                    select(
                        "surge",
                        {"value": 'mean("baseline_bps")'},
                        where=_HERE,
                        by=("direction",),
                        every=EVERY,
                    ),
                    _("normal: $tag_direction"),
                    "",
                ),
            ),
            "bps",
        ),
        lines(
            _("Surge score"),
            _("Above 3.5 (dashed) is a surge. Empty while it is still learned what is normal here"),
            (
                (
                    select("surge", {"value": 'max("score")'}, where=_HERE, by=("direction",), every=EVERY),
                    "$tag_direction",
                    "",
                ),
            ),
            "none",
            limits=colours.SCORE,
        ),
    ),
)

_STATES = Section(
    _("States and their cause"),
    (
        Panel(
            kind="timeline",
            title=_("State of the village"),
            about=_("The worst state in each interval. Nothing is drawn where there are no figures"),
            asks=(Ask(_over('max("state_index")'), _("Village")),),
            unit="none",
            width=24,
            height=4,
            words=colours.STATE_INDEX_WORDS,
            interval="5m",
        ),
        lines(
            _("Minutes by state"),
            _("Of each hour or longer interval; what is missing to a full one was not judged"),
            tuple(
                (_over(f'sum("{state}_minute_count")', "village_1h"), words, colour)
                for state, (words, colour) in colours.STATE_WORDS.items()
            ),
            "m",
            kind="bars",
            interval="1h",
            width=24,
        ),
    ),
)

_TABLE = Section(
    _("Tests"),
    (
        Panel(
            kind="table",
            title=_("Speed tests"),
            about=_("Every test by devices that are registered here now, failed ones with their reason"),
            asks=(
                Ask(
                    select(
                        "speed",
                        {name: f'"{name}"' for name in _TESTS},
                        where=_DEVICES,
                        by=("device", "engine"),
                    ),
                    table=True,
                ),
            ),
            unit="none",
            width=24,
            height=12,
            steps=(ordered(("Time", "device", "engine", *_TESTS)),),
            fields=(
                Field(name="Time", title=_("Time"), width=170),
                Field(name="device", title=_("Device"), width=170),
                Field(name="engine", title=_("Engine"), width=100),
                Field(name="limited_by", words=colours.LIMIT_WORDS, width=120),
            ),
            sort_by="Time",
        ),
    ),
)

VILLAGE = Board(
    name="village",
    about=_(
        "One village: speed against the contract, delay, variation, loss, traffic, states and every test"
    ),
    variables=(*chain(province="one", regency="one", district="any", village="one"), devices("village")),
    sections=(_NOW, _SPEED, _QUALITY, _TRAFFIC, _STATES, _TABLE),
    links=("national", "regency", "surge", "technician"),
    since="now-3d",
)
