"""Lives are believable, and a function of the seed alone."""

import itertools

import numpy as np
import pytest
from tests.demo import fleets

from pantau_demo.fleet import watching
from pantau_demo.fleet.cadence import METERED
from pantau_demo.fleet.dice import Dice
from pantau_demo.fleet.events import Kind, happening
from pantau_demo.fleet.life import Life
from pantau_demo.fleet.observations import Scene, observe
from pantau_demo.fleet.places import Village
from pantau_demo.fleet.population import populate
from pantau_demo.fleet.surges import Surge
from pantau_demo.fleet.watching import Standing

DAYS = 14
WIT_MINUTES = 540


@pytest.fixture(scope="module")
def fortnight():
    """A fortnight of a district's life: the life, everybody's places, and the block."""
    life = fleets.life(40, seed=3, days=DAYS)
    who = np.arange(len(life.population))
    return life, who, life.block(who, life.epoch_minute, DAYS * fleets.DAY)


def test_one_seed_gives_one_life_however_it_is_asked():
    """A minute asked alone, among others or of another device first: the very same; another seed: another."""
    life, again, other = fleets.life(12), fleets.life(12), fleets.life(12, seed=2)
    who = np.arange(len(life.population))
    whole = life.block(who, fleets.MIDNIGHT, 600)
    part = again.block(who[5:8], fleets.MIDNIGHT + 321, 40)
    for name in ("rx_bps", "powered", "measuring", "line_up", "peak_factor"):
        assert np.array_equal(getattr(whole, name)[5:8, 321:361], getattr(part, name)), name
    assert np.array_equal(whole.delays.p50_ms[5:8, 321:361], part.delays.p50_ms)
    assert not np.array_equal(whole.rx_bps[0], other.block(who[:1], fleets.MIDNIGHT, 600).rx_bps[0])


def test_a_track_is_the_same_in_one_piece_and_minute_by_minute():
    """Numbers, boots and clocks do not depend on how often the fleet was asked."""
    life = fleets.life(12, days=3)
    who = np.arange(len(life.population))
    block = life.block(who, life.epoch_minute, 3 * fleets.DAY)
    whole = watching.follow(block, life.population, Standing.new(len(who)))
    standing, edges = Standing.new(len(who)), [0, 1, 2, 700, 701, 2900, 3 * fleets.DAY]
    for first, until in itertools.pairwise(edges):
        part = life.block(who, life.epoch_minute + first, until - first)
        track = watching.follow(part, life.population, standing)
        for name in ("first_seq", "boot_minute", "synced"):
            assert np.array_equal(getattr(whole, name)[:, first:until], getattr(track, name)), name


def test_evenings_are_busiest_at_home_and_office_hours_at_work(fortnight):
    """Twenty to twenty-one o'clock local time carries most; offices peak by day and rest at weekends."""
    life, who, block = fortnight
    office = np.array([life.population.technologies[at].profile == "kantor" for at in who])
    hour = ((block.minute + fleets.WIB_MINUTES) % fleets.DAY) // 60
    by_hour = np.array([block.rx_bps[:, hour == at].mean(axis=1) for at in range(24)])
    busiest = by_hour.argmax(axis=0)
    assert set(busiest[~office].tolist()) <= {19, 20, 21}
    assert set(busiest[office].tolist()) <= {8, 9, 10, 14}
    home = by_hour[:, ~office].mean(axis=1)
    assert home[20] > 4 * home[3]


def test_lines_are_as_their_technology_says(fortnight):
    """Satellite is slow to answer, fibre quick; each carries what it is contracted for, and no more."""
    life, who, block = fortnight
    names = np.array([life.population.technologies[at].name for at in who])
    delay = np.median(block.delays.p50_ms, axis=1)
    assert delay[names == "fibre"].max() < 60
    assert 30 < np.median(delay[names == "4g"]) < 100
    assert (delay[names == "satellite"] > 500).all()
    assert (block.rx_bps <= life.population.of("download_bps")[who][:, None]).all()
    tests = next(
        one
        for one in observe(
            Scene(life, block, watching.follow(block, life.population, Standing.new(len(who))))
        )
        if one.kind == "speed"
    )
    assert 5 < len(tests.row) / len(who) / DAYS < 6.2


def test_power_fails_more_in_papua_than_on_java():
    """Days without power cuts are the rule on Java; in Papua power is gone for hours of a week."""
    off = {}
    for code, offset in (("33.10", fleets.WIB_MINUTES), ("94.01", WIT_MINUTES)):
        found = [Village(f"{code}.{at:02}.2001", "", "", "", "", offset) for at in range(1, 60)]
        dice = Dice(4)
        life = Life(dice, populate(dice, found, fleets.MIDNIGHT), fleets.MIDNIGHT, METERED)
        steady = np.flatnonzero(life.population.character("laptop") == 0)
        off[code] = 1 - life.block(steady, fleets.MIDNIGHT, 7 * fleets.DAY).powered.mean()
    assert 0.0002 < off["33.10"] < 0.01
    assert off["94.01"] > 8 * off["33.10"]


def test_a_surge_that_was_asked_for_multiplies_that_village_s_traffic_alone():
    """Three times the rate within the minutes asked for; before, after and elsewhere nothing changes."""
    village = fleets.klaten(5)[2].code
    surge = Surge(village, 3.0, fleets.MIDNIGHT + 100, 45)
    calm, stormy = fleets.life(5), fleets.life(5, surges_=[surge])
    who = np.arange(len(calm.population))
    ratio = stormy.block(who, fleets.MIDNIGHT, 300).rx_bps / calm.block(who, fleets.MIDNIGHT, 300).rx_bps
    there = np.array([one.code == village for one in calm.population.villages])
    assert np.allclose(ratio[there, 100:145], 3.0, rtol=0.02)
    ratio[there, 100:145] = 1.0
    assert np.array_equal(ratio, np.ones_like(ratio))


def test_events_begin_as_often_and_last_as_long_as_their_table_says():
    """Over many villages and days the share of time is rate times length."""
    life = fleets.life(100)
    kind = Kind("trial", "key", 0.3, 60.0, 0.01)
    who = np.arange(len(life.population))
    found = happening(
        (kind,),
        life.dice,
        life.population,
        who,
        np.arange(fleets.MIDNIGHT, fleets.MIDNIGHT + 20 * fleets.DAY),
    )
    assert found.mean() == pytest.approx(0.3 * 60 / fleets.DAY, rel=0.1)
