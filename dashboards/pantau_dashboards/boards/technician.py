"""The devices: which version, which clock, what waits, what was used, when last seen, how often rebooted."""

from __future__ import annotations

from pantau_dashboards import colours
from pantau_dashboards.boards.parts import NEWEST, lines
from pantau_dashboards.i18n import marked as _
from pantau_dashboards.influxql import EVERY, Statement, lasts, select
from pantau_dashboards.places import LEVELS
from pantau_dashboards.spec import Ask, Board, Field, Panel, Section
from pantau_dashboards.transforms import area_fields, label, named, names, ordered
from pantau_dashboards.variables import OF_DEVICE, chain, devices, within

_HERE = within("regency", "district", "village")
_HEALTH = (
    "agent_version",
    "clock_state",
    "clock_offset_ms",
    "spool_depth_count",
    "dropped_count",
    "rejected_count",
    "budget_state",
    "budget_used_bytes",
    "budget_bytes",
    "uptime_s",
    "temperature_celsius",
    "throttled",
)


def _over(expression: str) -> Statement:
    return select("device", {"value": expression}, where=(OF_DEVICE,), by=("device",), every=EVERY)


def _each(expression: str) -> tuple[tuple[Statement, str, str], ...]:
    return ((_over(expression), "$tag_device", ""),)


_DEVICES = Section(
    _("Devices"),
    (
        Panel(
            kind="table",
            title=_("Registered devices"),
            about=_(
                "What each device last said of itself in the range, also those that never said anything. "
                "Boots are "
                "those seen in the range: 1 means that it was not restarted"
            ),
            asks=(
                Ask(
                    select(
                        "device",
                        lasts(*_HEALTH) | {"boots": 'count(distinct("boot_id"))'},
                        where=(OF_DEVICE,),
                        by=("device",),
                    ),
                    table=True,
                ),
                names("village", _HERE, ("device", *LEVELS[:-1])),
                Ask(
                    select(
                        "device_silence", lasts("silent_minutes"), where=_HERE, by=("device",), recent=NEWEST
                    ),
                    table=True,
                ),
            ),
            unit="none",
            width=24,
            height=14,
            steps=(
                *named("device", keep_all=True, others=("B", "C")),
                ordered((label("village"), "device", "silent_minutes", *_HEALTH, "boots")),
            ),
            fields=(
                *area_fields("village", "village", 190),
                Field(name="device", title=_("Device"), width=180),
                Field(name="silent_minutes", title=_("Last seen, ago"), limits=colours.SILENCE, width=120),
                Field(name="clock_state", words=colours.CLOCK_WORDS),
                Field(name="clock_offset_ms", limits=colours.CLOCK_OFFSET, decimals=0),
                Field(name="dropped_count", limits=colours.NONE_IS_GOOD),
                Field(name="rejected_count", limits=colours.NONE_IS_GOOD),
                Field(name="budget_state", words=colours.BUDGET_WORDS),
                Field(name="throttled", words=colours.ALARM_FLAG_WORDS),
                Field(name="boots", title=_("Boots"), unit="short"),
            ),
            sort_by="silent_minutes",
        ),
    ),
)

_OVER_TIME = Section(
    _("Over time"),
    (
        lines(
            _("Waiting measurements"),
            _("What a device keeps because the database does not have it yet"),
            _each('max("spool_depth_count")'),
            "short",
            interval="2m",
        ),
        lines(
            _("Clock offset"),
            _("Device's clock minus the server's; the dashed lines are one second"),
            _each('mean("clock_offset_ms")'),
            "ms",
            interval="2m",
            minimum=None,
            limits=colours.CLOCK_OFFSET,
        ),
        lines(
            _("Uptime"),
            _("Since the device booted: each fall to zero is a reboot, a gap is silence"),
            _each('max("uptime_s")'),
            "s",
            interval="2m",
        ),
        lines(
            _("Data used this month"),
            _("Of the device's monthly budget, tests and delivery together"),
            _each('max("budget_used_bytes")'),
            "decbytes",
            interval="10m",
        ),
        lines(
            _("Temperature"),
            _("Of the processor; a Raspberry Pi slows down from 80 °C on"),
            _each('max("temperature_celsius")'),
            "celsius",
            interval="2m",
            minimum=None,
        ),
        lines(
            _("Wi-Fi signal"),
            _("Of devices that are attached by radio; below -75 dBm is weak"),
            (
                (
                    select(
                        "link",
                        {"value": 'mean("wifi_signal_dbm")'},
                        where=(OF_DEVICE,),
                        by=("device",),
                        every=EVERY,
                    ),
                    "$tag_device",
                    "",
                ),
            ),
            "dBm",
            interval="2m",
            minimum=None,
        ),
    ),
)

TECHNICIAN = Board(
    name="technician",
    about=_(
        "Devices of a village, a district or a regency: version, clock, spool, data budget, last seen, "
        "reboots"
    ),
    variables=(
        *chain(province="one", regency="one", district="any", village="any"),
        devices("regency", "district", "village"),
    ),
    sections=(_DEVICES, _OVER_TIME),
    links=("regency", "village", "pipeline"),
    since="now-2d",
)
