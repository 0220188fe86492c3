"""What happens to some devices in some minutes, as a function of the seed alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pantau_demo.fleet import cadence, identity, line, surges, traffic
from pantau_demo.fleet.events import events_of, happening

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pantau_demo.fleet.cadence import Cadence
    from pantau_demo.fleet.dice import Dice
    from pantau_demo.fleet.events import Kind
    from pantau_demo.fleet.line import Delays, Tests
    from pantau_demo.fleet.population import Population
    from pantau_demo.fleet.surges import Surge

    Whole = NDArray[np.int64]
    Numbers = NDArray[np.float64]
    Flags = NDArray[np.bool_]

_UPLOAD_SHARE, _UPLOAD_SPREAD = 0.12, 0.1
_WIFI_SHARE = 0.5
_DAY = 1440
_OPENS, _CLOSES = 9 * 60, 17 * 60  # a laptop's hours, give or take


@dataclass(frozen=True, slots=True)
class Block:
    """Some devices (rows) in consecutive minutes (columns). Rates are the village's, in bit/s.

    `measuring`: the agent runs and numbers records; `kept`: its card does not lose them.
    """

    who: Whole
    minute: Whole
    powered: Flags
    measuring: Flags
    kept: Flags
    line_up: Flags
    gateway_answers: Flags
    rx_bps: Numbers
    tx_bps: Numbers
    peak_factor: Numbers
    delays: Delays
    due: dict[str, Flags]

    @property
    def online(self) -> Flags:
        """Whether probes come back from beyond the gateway."""
        return self.line_up & self.gateway_answers


class Life:
    """The lives of one population. `epoch_minute` is when they begin (minutes since 1970)."""

    def __init__(
        self,
        dice: Dice,
        population: Population,
        epoch_minute: int,
        cadence_: Cadence,
        surges_: Sequence[Surge] = (),
    ) -> None:
        """Nothing happens yet, and nothing that happens is kept."""
        self.dice, self.population, self.epoch_minute = dice, population, epoch_minute
        self.cadence, self.surges = cadence_, tuple(surges_)
        self.spools = identity.spool_ids(dice, population.key, epoch_minute)
        self._events = events_of(population)
        self._laptop = population.character("laptop") > 0
        self._download_bps = population.of("download_bps")

    def block(self, who: Whole, first_minute: int, count: int) -> Block:
        """Return what happens to devices (places in the population) in so many minutes."""
        minute = np.arange(first_minute, first_minute + count)
        powered = ~self._happening(self._events.power, who, minute) & self._switched_on(who, minute)
        enrolled = minute >= self.population.since_minute[who][:, None]
        measuring = powered & enrolled & ~self._happening(self._events.agent, who, minute)
        rx_bps = self._rx_bps(who, minute)
        key = self.population.village_key[who][:, None]
        up = _UPLOAD_SHARE * np.exp(_UPLOAD_SPREAD * self.dice.smooth("upload", key, minute, 45))
        share = rx_bps / self._download_bps[who][:, None]
        return Block(
            who=who,
            minute=minute,
            powered=powered,
            measuring=measuring,
            kept=measuring & ~self._happening(self._events.card, who, minute),
            line_up=~self._happening(self._events.line, who, minute),
            gateway_answers=~self._happening(self._events.local, who, minute),
            rx_bps=rx_bps,
            tx_bps=rx_bps * up,
            peak_factor=1.05 + 0.6 * self.dice.uniform("peak", key, minute),
            delays=line.delays(
                self.dice, self.population, who=who, minute=minute, share=share, sent=self.cadence.probes
            ),
            due=cadence.due(
                self.cadence, self.dice, self.population, who=who, minute=minute, measuring=measuring
            ),
        )

    def tests(self, block: Block, row: NDArray[np.intp], at: NDArray[np.intp]) -> Tests:
        """Return what the speed tests of these devices (rows) and minutes (columns) find."""
        who = block.who[row]
        share = block.rx_bps[row, at] / self._download_bps[who]
        rtd_ms = block.delays.p50_ms[row, at]
        return line.tests(
            self.dice, self.population, who=who, minute=block.minute[at], share=share, rtd_ms=rtd_ms
        )

    def wired(self, who: Whole) -> Flags:
        """Return which devices hang on a cable: laptops do not, nor do half of the further devices."""
        further = (self.population.number[who] > 0) & (
            self.dice.uniform("wifi", self.population.key[who]) < _WIFI_SHARE
        )
        return ~self._laptop[who] & ~further

    def _rx_bps(self, who: Whole, minute: Whole) -> Numbers:
        """Return what reaches the village: nothing while its line is down."""
        population = self.population
        factor = traffic.burst_factor(self._happening(self._events.burst, who, minute))
        if self.surges:
            factor = factor * surges.factors(
                self.surges, [population.villages[at].code for at in who.tolist()], minute
            )
        demand = traffic.demand_bps(
            self.dice, population, who=who, minute=minute, epoch_minute=self.epoch_minute, factor=factor
        )
        carried = traffic.carried_bps(demand, self._download_bps[who][:, None])
        return np.where(self._happening(self._events.line, who, minute), traffic.IDLE_BPS, carried)

    def _switched_on(self, who: Whole, minute: Whole) -> Flags:
        """Return when devices are switched on: laptops by day, others always."""
        laptop = self._laptop[who][:, None]
        if not laptop.any():
            return np.ones((len(who), len(minute)), dtype=bool)
        local = minute + self.population.utc_offset_minutes[who][:, None]
        key, day = self.population.key[who][:, None], local // _DAY
        opens = _OPENS + 40 * self.dice.normal("opens", key, day)
        closes = _CLOSES + 60 * self.dice.normal("closes", key, day)
        return ~laptop | ((local % _DAY >= opens) & (local % _DAY < closes))

    def _happening(self, kinds: tuple[Kind, ...], who: Whole, minute: Whole) -> Flags:
        return happening(kinds, self.dice, self.population, who, minute)
