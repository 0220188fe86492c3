"""Why a verdict is what it is, in sentences: complete, in both languages, and true to the report."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from tests.collector.analysis import months

from pantau_collector.analysis.sla import input_file
from pantau_collector.analysis.sla.report import report
from pantau_collector.analysis.sla.village import day_rows
from pantau_collector.analysis.speed_tests import REASONS
from pantau_collector.i18n import LANGUAGES, translate
from pantau_collector.months import words

if TYPE_CHECKING:
    from pantau_collector.analysis.sla.reported import Report

TEXTS = [
    *words.VERDICTS.values(),
    *words.METRICS.values(),
    *words.STATES.values(),
    *words.SUMMARIES.values(),
    *words.AVAILABILITY.values(),
    *words.SPEED.values(),
    *words.SPEED_OPEN.values(),
    *words.DELAY.values(),
    *words.WHY_NOT.values(),
]


def judged(seed: int) -> Report:
    village = input_file.parse(json.dumps(months.document(seed)).encode())
    return report(village.month, day_rows(village), village.profiles)


@pytest.fixture(scope="module")
def reports() -> list[Report]:
    return [judged(seed) for seed in range(40)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_report_is_explained_whole(reports: list[Report], language: str) -> None:
    """Forty random months: a sentence for each metric, every value filled in, every verdict among them."""
    for found in reports:
        told = words.explain(found, language)
        assert list(told.metrics) == list(words.METRICS)
        for text in (told.summary, *told.metrics.values(), *told.notes):
            assert text.endswith(".")
            assert not re.search(r"[{}]|None|\bnan\b", text), text
        for name, one in found.metrics.items():
            if one.verdict == found.verdict != "pass":
                assert words.metric(name, language) in told.summary
    seen = {one.verdict for found in reports for one in found.metrics.values()}
    assert seen == set(words.VERDICTS)


def test_every_reason_not_to_count_a_test_has_words() -> None:
    assert set(words.WHY_NOT) == {*REASONS, words.OUTSIDE_BUSY_HOURS}


def test_all_texts_are_translated() -> None:
    assert [text for text in TEXTS if translate(text, "id") == text] == []


def test_a_figure_never_looks_like_the_target_that_it_missed() -> None:
    assert words.percent(0.9, "id") == "90%"
    assert words.percent(0.9678, "id", beside=0.95) == "96,8%"
    assert words.percent(0.94996, "id", beside=0.95) == "94,996%"
    assert words.percent(0.95, "en", beside=0.95) == "95%"
    assert words.percent(None, "en") == "\N{EN DASH}"


def test_the_sentences_carry_the_figures_of_the_report(reports: list[Report]) -> None:
    failed = next(found for found in reports if found.metrics["loss"].verdict == "fail")
    loss = failed.metrics["loss"]
    told = words.explain(failed, "en").metrics["loss"]
    assert told.startswith(f"{loss.k:,} of {loss.n:,} probes were lost (")
    assert words.month("2026-08", "id") == "Agustus 2026"
