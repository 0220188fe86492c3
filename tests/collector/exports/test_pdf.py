"""The PDF's text, extracted by another library: what an official reads is what the reader said."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import msgspec
import pypdf
from tests.collector.exports.conftest import MONTH, REGENCY

from pantau_collector.exports import areas, making
from pantau_collector.exports.order import Order
from pantau_collector.exports.pdf import looks, overview
from pantau_collector.exports.seal import Seal
from pantau_collector.months import words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pantau_collector.i18n import Language
    from pantau_collector.months.model import MonthReader, VillageMonth

LETTERHEAD = ("Kementerian <Koperasi> & UKM", "Jalan Rasuna Said, Jakarta")


def texts(months: MonthReader, language: Language, code: str = REGENCY) -> list[str]:
    area = months.area(MONTH, code)
    assert area is not None
    out = io.BytesIO()
    making.make("pdf", Order(reader=months, area=area, language=language, letterhead=LETTERHEAD), out)
    return [_plain(page.extract_text()) for page in pypdf.PdfReader(out).pages]


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def test_the_first_page_has_letterhead_summary_and_list(months: MonthReader):
    """Whose report it is, the counts, and each village with its verdict; markup in names is text."""
    first = texts(months, "id")[0]
    area = months.area(MONTH, REGENCY)
    assert area is not None
    assert "Kementerian <Koperasi> & UKM" in first
    assert "Mutu internet desa, Agustus 2026" in first
    assert f"{area.counts.failed} Tidak memenuhi" in first
    for village in months.villages(MONTH, REGENCY):
        availability = words.percent(village.availability_ratio, "id")
        assert re.search(f"{areas.name(village.code)} .*?{re.escape(availability)}", first)


def test_each_failed_village_has_pages_with_reasons_outages_and_tests(months: MonthReader):
    """The sentences are those of the portal; every outage and every test is there, none of others."""
    for language in ("id", "en"):
        pages = texts(months, language)
        failed = [line for line in months.villages(MONTH, REGENCY) if line.verdict == "fail"]
        assert failed
        starts = [index for index, page in enumerate(pages) if re.search(r"\(33\.10\.\d\d\.\d{4}\):", page)]
        assert len(starts) == len(failed)
        for line, start, end in zip(failed, starts, [*starts[1:], len(pages)], strict=True):
            found = months.evidence(MONTH, line.code)
            assert found is not None
            mine = " ".join(pages[start:end])
            said = words.explain(found.report, language)
            for sentence in (said.summary, *said.metrics.values(), *said.notes):
                assert _plain(sentence) in mine
            assert mine.count("Mbit/s") >= 2 * len(found.tests)
            for objection in found.objections:
                assert objection.text in mine


def test_every_page_names_month_revision_hash_and_its_number(months: MonthReader):
    """A page that lies about alone still says what it belongs to."""
    seal = Seal()
    for _ in seal.of(areas.lines(months, MONTH, REGENCY)):
        pass
    pages = texts(months, "en")
    assert len(pages) > 3
    for number, page in enumerate(pages, 1):
        assert "Kabupaten Klaten, Jawa Tengah (33.10) · August 2026 · month not closed" in page
        assert f"SHA-256 {seal.sha256}" in page
        assert f"Page {number} of" in page
        assert re.search(rf"\b{len(pages)}\b", page)


def test_an_area_too_large_for_paper_lists_what_failed_and_says_so(months: MonthReader):
    """Of more villages than a list holds only failed ones are named, up to a bound, and the page says it."""
    [line, *_] = (one for one in months.villages(MONTH, REGENCY) if one.verdict == "fail")

    def nation() -> Iterator[VillageMonth]:
        for _ in range(overview.MAX_LISTED + 5):
            yield line
            yield msgspec.structs.replace(line, verdict="pass")

    chosen = overview.choose(nation())
    assert len(chosen.listed) == overview.MAX_LISTED
    assert {one.verdict for one in chosen.listed} == {"fail"}
    assert len(chosen.failed) == overview.MAX_DETAILED
    said = list(overview._remarks(chosen, "en"))
    assert said[0].startswith("These 2,010 villages are too many for a list on paper: only those that failed")
    assert said[1:] == [
        "Listed are the first 1,000 of 1,005 villages that failed. CSV and Excel files hold all of them.",
        "The first 300 of 1,005 villages that failed have pages of their own; smaller areas show all.",
    ]


def test_letters_that_the_fonts_lack_become_their_nearest(months: MonthReader):
    """No name can break a report."""
    assert looks.latin("Ḥasan Ștefan “Serat”") == "Hasan Stefan “Serat”"
    assert looks.latin("村") == "?"


def test_a_month_without_any_failed_village_says_so(months: MonthReader):
    """Silence would leave open whether somebody forgot the pages."""
    [line] = [one for one in months.villages(MONTH, REGENCY) if one.verdict == "inconclusive"][:1]
    first = texts(months, "id", line.code)
    assert len(first) == 1
    assert "Tidak ada desa yang tidak memenuhi." in first[0]
