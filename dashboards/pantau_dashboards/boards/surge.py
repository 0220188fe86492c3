"""Surges of traffic: which village, how strong, since when, and whether it hurts."""

from __future__ import annotations

from pantau_dashboards import colours
from pantau_dashboards.boards.parts import lines, newest, of_villages, village_table
from pantau_dashboards.i18n import marked as _
from pantau_dashboards.influxql import EVERY, Statement, select, tag_values
from pantau_dashboards.spec import Board, Field, Section, Variable
from pantau_dashboards.units import TIMES
from pantau_dashboards.variables import chain, inside, within

_DIRECTION = inside("direction")
_HERE = (*within("regency"), _DIRECTION)
_VILLAGE = (*within("regency", "village"), _DIRECTION)
_COLUMNS = (
    "state",
    "score",
    "cusum",
    "ratio",
    "rate_bps",
    "baseline_bps",
    "utilization_ratio",
    "regional_score",
    "learning_days_left",
)


def _of_village(expression: str) -> Statement:
    return select("surge", {"value": expression}, where=_VILLAGE, by=("village", "direction"), every=EVERY)


_WHO = Section(
    _("Who"),
    (
        village_table(
            _("Surges now"),
            _(
                "The newest five minutes: a score above 3.5 is a surge, a slow score above 6 a slow one; the "
                "utilisation tells whether the line is full"
            ),
            newest("surge", _COLUMNS, _HERE, ("direction",)),
            ("direction", *_COLUMNS),
            within("regency"),
            fields=(
                Field(name="direction", title=_("Direction"), width=90),
                Field(name="state", words=colours.SURGE_WORDS, width=100),
                Field(name="score", limits=colours.SCORE, decimals=1),
                Field(name="cusum", limits=colours.CUSUM, decimals=1),
                Field(name="ratio", unit=TIMES, decimals=1),
                Field(name="utilization_ratio", limits=colours.UTILIZATION, decimals=0),
                Field(name="regional_score", decimals=1),
                Field(name="learning_days_left", decimals=0),
            ),
            sort_by="score",
            width=24,
        ),
        of_villages(
            "heatmap",
            _("Surge score of the villages"),
            _(
                "The highest score in each interval, a row for each village; empty is still learning or not "
                "measured"
            ),
            series="surge",
            expression='max("score")',
            where=within("regency"),
            present=(_DIRECTION,),
            unit="none",
            minimum=0,
            maximum=10,
            interval="15m",
        ),
    ),
)

_HOW = Section(
    _("How strong"),
    (
        lines(
            _("Rate and its normal level"),
            _("Of the chosen village: the rate, what is normal at this hour, and up to where it is normal"),
            (
                (_of_village('mean("rate_bps")'), _("$tag_village $tag_direction"), ""),
                (_of_village('mean("baseline_bps")'), _("$tag_village $tag_direction, normal"), ""),
                (
                    _of_village('mean("baseline_high_bps")'),
                    _("$tag_village $tag_direction, normal up to"),
                    "",
                ),
            ),
            "bps",
        ),
        lines(
            _("Scores"),
            _("Fast (above 3.5 is a surge) and slow (above 6)"),
            (
                (_of_village('max("score")'), _("$tag_village $tag_direction, fast"), ""),
                (_of_village('max("cusum")'), _("$tag_village $tag_direction, slow"), ""),
            ),
            "none",
            limits=colours.SCORE,
        ),
        lines(
            _("Utilisation of the contract"),
            _("Where the source is the village's router; people are paged above 70%"),
            ((_of_village('max("utilization_ratio")'), "$tag_village $tag_direction", ""),),
            "percentunit",
            limits=colours.UTILIZATION,
        ),
        lines(
            _("Score of the whole regency"),
            _(
                "What all villages have in common, such as a holiday or a match, is subtracted from each "
                "village"
            ),
            (
                (
                    select(
                        "surge",
                        {"value": 'median("regional_score")'},
                        where=_HERE,
                        by=("direction",),
                        every=EVERY,
                    ),
                    "$tag_direction",
                    "",
                ),
            ),
            "none",
            limits=colours.SCORE,
        ),
    ),
)

_DIRECTIONS = Variable(
    name="direction",
    label=_("Direction"),
    about=_("Received or sent"),
    statement=tag_values("surge", "direction"),
    picker="any",
)
SURGE = Board(
    name="surge",
    about=_("Traffic surges of a regency: who, how strong, and whether the line is full"),
    variables=(*chain(province="one", regency="one", village="one"), _DIRECTIONS),
    sections=(_WHO, _HOW),
    links=("national", "regency", "village"),
    refresh="1m",
)
