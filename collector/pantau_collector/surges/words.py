"""A surge explained: how much, how much is normal, since when, who else, and whether users feel it.

The one place for these sentences: portal, notifications and the log's reader get the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pantau_collector import formats
from pantau_collector.i18n import marked as _
from pantau_collector.i18n import translate
from pantau_collector.registry import areas
from pantau_collector.registry.timezones import zone_of
from pantau_collector.surges.model import SECOND_NS, impacts
from pantau_wire.vocabulary import Unit

if TYPE_CHECKING:
    from pantau_collector.i18n import Language
    from pantau_collector.surges.model import Felt, Impact, Surge

STATES = {
    "normal": _("Usual"),
    "slow": _("Slow surge"),
    "surge": _("Surge"),
    "unmeasured": _("Not measured"),
    "learning": _("Learning"),
}
DIRECTIONS = {"rx": _("Received"), "tx": _("Sent")}
_TITLES = {
    "rx": _("{what} in {place}: receives {times} times the usual"),
    "tx": _("{what} in {place}: sends {times} times the usual"),
}
_RATES = {
    "rx": _("The village receives {rate}; at this hour {low} to {high} are normal: {times} times the usual."),
    "tx": _("The village sends {rate}; at this hour {low} to {high} are normal: {times} times the usual."),
}
_NO_RATE = _("Nothing was measured in the last five minutes.")
_SINCE = _("It has lasted for {duration}, since {instant}.")
_REGENCY = {
    "all": _("The whole regency shows it: {times} times its usual, which is not counted as this village's."),
    "some": _("The other villages of the regency are above their usual too: {times} times."),
    "none": _("The other villages of the regency are as usual."),
    "unknown": _("How the rest of the regency fares cannot be told: fewer than ten villages were measured."),
}
_REGIONAL_TITLE = _("Surge in the whole of {place}: {times} times the usual")
_REGIONAL = {
    "rx": _("Half of the villages of {place} receive {times} times or more of what is usual at this hour."),
    "tx": _("Half of the villages of {place} send {times} times or more of what is usual at this hour."),
}
_FELT: dict[Impact, str] = {
    "utilization": _("{utilization} of the contracted rate is in use"),
    "delay": _("the delay is {delay}, more than {delay_max}"),
    "loss": _("{loss} of the packets are lost, more than {loss_max}"),
}
_USERS_FEEL = _("Users feel it: {ways}.")
_NOT_FELT = _("Users do not feel it: {ways}.")
_WELL: dict[Impact, str] = {
    "utilization": _("{utilization} of the contracted rate is in use"),
    "delay": _("the delay is {delay}"),
    "loss": _("{loss} of the packets are lost"),
}
_UNKNOWN = _("Whether users feel it is not known: neither delay nor loss was measured.")
_OVER = {
    "rx": _("Surge of received traffic in {place} is over"),
    "tx": _("Surge of sent traffic in {place} is over"),
}
_ENDED = _("For an hour the traffic has been near its usual.")
_LITTLE = 1.1


@dataclass(frozen=True, slots=True)
class Explanation:
    """A title, and sentences that stand by themselves."""

    title: str
    sentences: tuple[str, ...]

    @property
    def text(self) -> str:
        """The sentences as one paragraph."""
        return " ".join(self.sentences)


def explain(surge: Surge, felt: Felt, language: Language) -> Explanation:
    """Return what there is to say of a village's surge."""
    what = translate(STATES["slow" if surge.state == "slow" else "surge"], language)
    return Explanation(
        _say(
            _TITLES[surge.direction],
            language,
            what=what,
            place=place_of(surge.village),
            times=_times(surge.ratio, language),
        ),
        (
            _rates(surge, language),
            _since(surge, language),
            _regency(surge, language),
            _users(surge, felt, language),
        ),
    )


def explain_regional(surge: Surge, language: Language) -> Explanation:
    """Return what there is to say of a surge of a whole regency; `surge` has its code for a village."""
    place, times = place_of(surge.village), _times(surge.regional_ratio, language)
    return Explanation(
        _say(_REGIONAL_TITLE, language, place=place, times=times),
        (
            _say(_REGIONAL[surge.direction], language, place=place, times=times),
            *([] if surge.since_s is None else [_since(surge, language)]),
        ),
    )


def ended_title(code: str, direction: str, language: Language) -> str:
    """Return the title of what is said when it is over, in a village or a regency."""
    return _say(_OVER[direction], language, place=place_of(code))


def ended(language: Language) -> str:
    """Return what is said when it is over."""
    return translate(_ENDED, language)


def place_of(code: str) -> str:
    """Return an area's name and those around it up to the regency, or its code where nobody knows it."""
    area = areas.find(code)
    if area is None:
        return code
    return ", ".join(one.name for one in (area, *area.parents[:-1]))


def _say(text: str, language: Language, **values: str) -> str:
    return translate(text, language).format(**values)


def _times(ratio: float | None, language: Language) -> str:
    return "?" if ratio is None else formats.number(ratio, language, 1)


def _bps(value: float | None, language: Language) -> str:
    return "\N{EN DASH}" if value is None else formats.quantity(value, Unit.BITS_PER_SECOND, language)


def _rates(surge: Surge, language: Language) -> str:
    if surge.rate_bps is None:
        return translate(_NO_RATE, language)
    return _say(
        _RATES[surge.direction],
        language,
        rate=_bps(surge.rate_bps, language),
        low=_bps(surge.low_bps, language),
        high=_bps(surge.high_bps, language),
        times=_times(surge.ratio, language),
    )


def _since(surge: Surge, language: Language) -> str:
    since_s = surge.time_ns / SECOND_NS if surge.since_s is None else surge.since_s
    lasted_s = surge.time_ns / SECOND_NS + 300 - since_s
    return _say(
        _SINCE,
        language,
        duration=formats.duration(lasted_s, language),
        instant=formats.instant(int(since_s) * SECOND_NS, zone_of(surge.village), language),
    )


def _regency(surge: Surge, language: Language) -> str:
    if surge.regional_ratio is None:
        return translate(_REGENCY["unknown"], language)
    some = "some" if surge.regional_ratio > _LITTLE else "none"
    return _say(
        _REGENCY["all" if surge.of_the_regency else some],
        language,
        times=_times(surge.regional_ratio, language),
    )


def _users(surge: Surge, felt: Felt, language: Language) -> str:
    ways = impacts(surge, felt)
    if ways:
        return _say(_USERS_FEEL, language, ways=_ways(_FELT, ways, surge, felt, language))
    figures: dict[Impact, float | None] = {
        "delay": felt.delay_ms,
        "loss": felt.loss_ratio,
        "utilization": surge.utilization_ratio,
    }
    measured = tuple(way for way, value in figures.items() if value is not None)
    if felt.delay_ms is None and felt.loss_ratio is None:
        return translate(_UNKNOWN, language)
    return _say(_NOT_FELT, language, ways=_ways(_WELL, measured, surge, felt, language))


def _ways(
    texts: dict[Impact, str], ways: tuple[Impact, ...], surge: Surge, felt: Felt, language: Language
) -> str:
    values = {
        "utilization": _share(surge.utilization_ratio, language),
        "delay": formats.quantity(felt.delay_ms or 0, Unit.MILLISECONDS, language),
        "delay_max": formats.quantity(felt.delay_max_ms, Unit.MILLISECONDS, language),
        "loss": _share(felt.loss_ratio, language),
        "loss_max": _share(felt.loss_max_ratio, language),
    }
    return ", ".join(_say(texts[way], language, **values) for way in ways)


def _share(ratio: float | None, language: Language) -> str:
    return formats.quantity(ratio or 0, Unit.RATIO, language)
