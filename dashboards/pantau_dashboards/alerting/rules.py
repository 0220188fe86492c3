"""From kinds to rules: one for each regency and kind, grouped by village; the pipeline's stand once.

Grafana evaluates the rules of a group one after the other, and groups beside each other: a regency has a
group for each interval.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pantau_dashboards.alerting import bounds
from pantau_dashboards.alerting.kinds import ACTIVE_ALERTS, REGENCY_KINDS
from pantau_dashboards.alerting.model import Group, Rule
from pantau_dashboards.alerting.pipeline_kinds import PIPELINE_KINDS
from pantau_dashboards.alerting.queries import in_area, in_villages, of_alert, query
from pantau_dashboards.alerting.wording import annotations_of
from pantau_dashboards.i18n import label

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pantau_dashboards.alerting.kind import Kind
    from pantau_dashboards.alerting.regencies import Regency
    from pantau_dashboards.i18n import Language

_DELAY = "{delay_ms}"


@dataclass(frozen=True, slots=True)
class _Target:
    """Where one rule looks: its condition on points, its names, and the delay that is too long there."""

    code: str = ""
    name: str = ""
    zone: str = ""
    conditions: tuple[str, ...] = ()
    suffix: str = ""
    delay_ms: float = bounds.DELAY_MS


def groups(regencies: Sequence[Regency], language: Language) -> list[Group]:
    """Return the rule groups of some regencies, and the pipeline's, with titles in a language."""
    found = _pipeline(language)
    for regency in regencies:
        wanted = [(kind, target) for kind in REGENCY_KINDS for target in _targets(kind, regency)]
        found += _grouped(f"{regency.code} {regency.name}", wanted, language)
    return found


def province_groups(regencies: Sequence[Regency], language: Language) -> list[Group]:
    """Return the groups for a nation: a rule for each province and kind, which read `active_alerts`."""
    provinces = {regency.province: regency for regency in regencies}
    return _pipeline(language) + [
        group
        for code, regency in sorted(provinces.items())
        for group in _grouped(
            f"{code} {regency.province_name}",
            [(kind, _province(kind, regency)) for kind in ACTIVE_ALERTS],
            language,
        )
    ]


def _pipeline(language: Language) -> list[Group]:
    return _grouped("pipeline", [(kind, _Target()) for kind in PIPELINE_KINDS], language)


def _province(kind: Kind, regency: Regency) -> _Target:
    conditions = (in_area("province", regency.province), of_alert(kind.name))
    return _Target(regency.province, regency.province_name, regency.zone, conditions)


def _targets(kind: Kind, regency: Regency) -> Iterator[_Target]:
    """Yield where a kind looks in a regency: twice where villages by satellite may have a longer delay."""
    place = (regency.code, regency.name, regency.zone)
    everywhere = in_area("regency", regency.code)
    if _DELAY not in kind.condition or not regency.satellites:
        yield _Target(*place, (everywhere,))
        return
    if len(regency.satellites) < len(regency.villages):
        yield _Target(*place, (everywhere, in_villages(regency.satellites, inside=False)))
    by_satellite = in_villages(regency.satellites, inside=True)
    yield _Target(
        *place, (everywhere, by_satellite), bounds.SATELLITE_PROFILE, delay_ms=bounds.SATELLITE_DELAY_MS
    )


def _grouped(name: str, wanted: Sequence[tuple[Kind, _Target]], language: Language) -> list[Group]:
    by_interval: dict[int, list[Rule]] = defaultdict(list)
    for kind, target in wanted:
        by_interval[kind.interval_s].append(_rule(kind, target, language))
    return [
        Group(f"{name} {interval_s // 60}m", interval_s, tuple(rules))
        for interval_s, rules in sorted(by_interval.items())
    ]


def _rule(kind: Kind, target: _Target, language: Language) -> Rule:
    return Rule(
        uid=_uid(kind, target),
        title=_title(kind, target, language),
        queries=tuple(query(measure, target.conditions) for measure in kind.measures),
        computed=kind.computed,
        condition=kind.condition.replace(_DELAY, str(target.delay_ms)),
        wait_s=kind.wait_s,
        no_data=kind.no_data,
        on_error=kind.on_error,
        labels=_labels(kind, target),
        annotations=annotations_of(kind, target.zone),
    )


def _uid(kind: Kind, target: _Target) -> str:
    parts = ("pantau", kind.name, target.code, target.suffix)
    return "-".join(part.replace("_", "-").replace(".", "-") for part in parts if part)


def _title(kind: Kind, target: _Target, language: Language) -> str:
    place = f"{target.code} {target.name}: " if target.code else ""
    suffix = f" ({target.suffix})" if target.suffix else ""
    return f"{place}{label(kind.title, language)}{suffix}"


def _labels(kind: Kind, target: _Target) -> dict[str, str]:
    found = {"kind": kind.name, "severity": kind.severity, "scope": kind.scope}
    return {**found, "place": target.name} if target.name else found
