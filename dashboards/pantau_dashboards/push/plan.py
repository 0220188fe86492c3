"""From what is wanted and what Grafana has, to what has to change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pantau_dashboards.push.differences import differences, holds_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pantau_dashboards.alerting.shapes import Json
    from pantau_dashboards.push.built import Thing
    from pantau_dashboards.push.differences import Difference
    from pantau_dashboards.push.server import Grafana

State = Literal["new", "changed", "same"]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing, how it stands, where it differs, and what Grafana has in its place."""

    thing: Thing
    state: State
    differences: tuple[Difference, ...] = ()
    current: Json | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What has to change; `stale_rules` are by group, and like `stale_contacts` in Grafana only."""

    changes: tuple[Change, ...]
    stale_rules: tuple[tuple[str, str], ...]
    stale_contacts: tuple[str, ...]

    @property
    def needed(self) -> bool:
        """Whether anything has to change."""
        return bool(self.stale_rules or self.stale_contacts or any(map(_differs, self.changes)))


def make(wanted: Sequence[Thing], grafana: Grafana) -> Plan:
    """Return the plan; asks Grafana, changes nothing. Without contacts built, Grafana's stay as they are."""
    changes = tuple(_change(thing, grafana.current(thing)) for thing in wanted)
    contacts = {thing.name for thing in wanted if thing.sort == "contact point"}
    stale = [uid for uid in grafana.contact_points() if uid not in contacts] if contacts else []
    return Plan(changes, tuple(_stale_rules(wanted, grafana)), tuple(stale))


def carry_out(plan: Plan, grafana: Grafana, *, secrets: bool = False) -> None:
    """Change what the plan names, in its order; `secrets` sends contacts again whose secrets nobody can see.

    What is no more wanted goes last, when nothing names it any longer. Doing it twice changes nothing more.
    """
    for change in plan.changes:
        if _differs(change) or (secrets and holds_secrets(change.current)):
            grafana.put(change.thing, change.current)
    for _, uid in plan.stale_rules:
        grafana.remove_rule(uid)
    for uid in plan.stale_contacts:
        grafana.remove_contact_point(uid)


def _differs(change: Change) -> bool:
    return change.state != "same"


def _change(thing: Thing, current: Json | None) -> Change:
    if current is None:
        return Change(thing, "new")
    found = tuple(differences(current, thing.wanted))
    return Change(thing, "changed" if found else "same", found, current)


def _stale_rules(wanted: Sequence[Thing], grafana: Grafana) -> Iterator[tuple[str, str]]:
    """Yield the rules in our folder that nobody wants, after their groups' names."""
    groups = {thing.name: thing.wanted["rules"] for thing in wanted if thing.sort == "rules"}
    uids = {rule["uid"] for rules in groups.values() for rule in rules}
    for name, inside in grafana.rule_groups().items():
        if groups and name not in groups:
            yield from ((name, uid) for uid in inside if uid not in uids)
