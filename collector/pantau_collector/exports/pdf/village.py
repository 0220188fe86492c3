"""A failed village's pages: why, minute by minute, its outages and its tests."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from reportlab.platypus import PageBreak, Spacer, Table

from pantau_collector import formats
from pantau_collector.exports import areas
from pantau_collector.exports.pdf import looks
from pantau_collector.exports.pdf.strip import Strip, legend
from pantau_collector.formats import SECOND_NS
from pantau_collector.i18n import marked as _
from pantau_collector.i18n import translate
from pantau_collector.months import words
from pantau_collector.registry.timezones import Zone, zone_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reportlab.platypus import Flowable

    from pantau_collector.analysis.sla.reported import OutageReport
    from pantau_collector.i18n import Language
    from pantau_collector.months.model import SpeedTest, VillageEvidence

MAX_OUTAGES, MAX_TESTS = 100, 240
HEADING = _("{village} ({code}): {verdict}")
ABOUT = _("Provider {provider} · profile {profile}, contracted {download} down and {upload} up")
WHY, MINUTES, OUTAGES, TESTS = _("Why"), _("Minute by minute"), _("Outages"), _("Speed tests")
OBJECTIONS, MAINTENANCE, REVISIONS = _("Objections"), _("Announced maintenance"), _("Revisions")
NO_OUTAGES, NO_TESTS = _("No outage touched this month."), _("No speed test was made.")
MORE = _("{shown} of {count} are shown; the evidence bundle holds all.")
OUTAGE_HEAD = (_("From"), _("To"), _("Minutes"), _("Counted"), _("Long"))
TEST_HEAD = (_("Time"), _("Download"), _("Upload"), _("Counted"))
WINDOW = _("{begin} to {end}: {what} (announced {announced}, {by})")
OBJECTION = _("{number}, {filed}, {by}: {text}")
ANSWER = _("Answered {answered} by {by}: {answer}")
REVISION = _("Revision {number}, {closed}: {verdict}. {reason} SHA-256 {sha256}")
YES, NO = _("yes"), _("no")


def pages(evidence: VillageEvidence, language: Language) -> Iterator[Flowable]:
    """Yield the pages of one village, on paper of their own."""
    page = _Page(evidence, language)
    yield PageBreak()
    yield from page.head()
    yield from page.reasons()
    yield from page.minutes()
    yield from page.outages()
    yield from page.tests()
    yield from page.statements()


class _Page:
    """What is said of one village's month, in one language."""

    def __init__(self, evidence: VillageEvidence, language: Language) -> None:
        self._evidence = evidence
        self._language = language
        self._zone: Zone = zone_of(evidence.line.code)

    def head(self) -> Iterator[Flowable]:
        """Yield who this is, and the verdict in a sentence."""
        line, report = self._evidence.line, self._evidence.report
        profile = report.profiles[0]
        yield looks.paragraph(
            self._say(
                HEADING,
                village=areas.name(line.code),
                code=line.code,
                verdict=words.verdict(line.verdict, self._language),
            ),
            "village",
        )
        around = ", ".join(area.name for area in reversed(areas.path(line.code)[:-1]))
        yield looks.paragraph(around, "body")
        yield looks.paragraph(
            self._say(
                ABOUT,
                provider=line.provider or "\N{EN DASH}",
                profile=profile.name,
                download=words.rate(profile.contracted_download_bps, self._language),
                upload=words.rate(profile.contracted_upload_bps, self._language),
            ),
            "small",
        )

    def reasons(self) -> Iterator[Flowable]:
        """Yield a line for each metric: its verdict, and why; then what else is worth knowing."""
        said = words.explain(self._evidence.report, self._language)
        yield looks.paragraph(said.summary, "lead")
        rows, fills = [], []
        for number, (name, text) in enumerate(said.metrics.items()):
            verdict = self._evidence.report.metrics[name].verdict
            label = words.metric(name, self._language).capitalize()
            cells = (label, words.verdict(verdict, self._language), text)
            rows.append([looks.paragraph(cell, "cell") for cell in cells])
            fills.append(("BACKGROUND", (1, number), (1, number), looks.FILLS[verdict]))
        widths = [looks.WIDTH * part for part in (0.16, 0.19, 0.65)]
        grid: list[Any] = [
            ("LINEBELOW", (0, 0), (-1, -1), 0.3, looks.RULE),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ]
        yield Table(rows, widths, style=[*grid, *fills])
        yield Spacer(0, 4)
        for note in said.notes:
            yield looks.paragraph(note, "small")

    def minutes(self) -> Iterator[Flowable]:
        """Yield the strip of the month: a line a day, a colour a state."""
        yield self._heading(MINUTES)
        yield Strip(self._evidence.days, self._language)
        yield legend(self._evidence.report.minutes, self._language)

    def outages(self) -> Iterator[Flowable]:
        """Yield the outages, the longest first where they are too many."""
        outages = self._evidence.outages
        yield self._heading(OUTAGES)
        if not outages:
            yield looks.paragraph(self._say(NO_OUTAGES), "small")
            return
        longest = sorted(outages, key=lambda one: -one.minutes)[:MAX_OUTAGES]
        shown = sorted(longest, key=lambda one: one.from_at)
        rows = [self._outage(one) for one in shown]
        yield looks.side_by_side(self._all(OUTAGE_HEAD), rows, (3, 3, 1.7, 1.9, 1.5), right=(2, 3))
        yield from self._more(len(shown), len(outages))

    def tests(self) -> Iterator[Flowable]:
        """Yield the speed tests."""
        tests = self._evidence.tests
        yield self._heading(TESTS)
        if not tests:
            yield looks.paragraph(self._say(NO_TESTS), "small")
            return
        rows = [self._test(one) for one in tests[:MAX_TESTS]]
        yield looks.side_by_side(self._all(TEST_HEAD), rows, (2.5, 2.1, 2.1, 3.7), right=(1, 2))
        yield from self._more(len(rows), len(tests))

    def statements(self) -> Iterator[Flowable]:
        """Yield what was announced and objected, and the frozen records."""
        found = self._evidence
        maintenance = [
            self._say(
                WINDOW,
                begin=self._at(one.from_ns),
                end=self._at(one.to_ns),
                what=one.what or "\N{EN DASH}",
                announced=self._at(one.announced_ns),
                by=one.by,
            )
            for one in found.maintenance
        ]
        revisions = [
            self._say(
                REVISION,
                number=one.number,
                closed=self._at(one.closed_at_ns),
                verdict=words.verdict(one.verdict, self._language),
                reason=one.reason,
                sha256=one.sha256,
            )
            for one in found.revisions
        ]
        yield from self._listed(MAINTENANCE, maintenance)
        yield from self._listed(OBJECTIONS, list(self._objections()))
        yield from self._listed(REVISIONS, revisions)

    def _objections(self) -> Iterator[str]:
        for one in self._evidence.objections:
            filed = self._at(one.filed_at_ns)
            yield self._say(OBJECTION, number=one.number, filed=filed, by=one.by, text=one.text)
            if one.answered_at_ns is not None:
                answered = self._at(one.answered_at_ns)
                yield self._say(ANSWER, answered=answered, by=one.answered_by, answer=one.answer)

    def _listed(self, heading: str, texts: Sequence[str]) -> Iterator[Flowable]:
        if texts:
            yield self._heading(heading)
            yield from (looks.paragraph(text, "cell") for text in texts)

    def _outage(self, outage: OutageReport) -> list[str]:
        begin, end = (
            self._at(int(datetime.fromisoformat(text).timestamp()) * SECOND_NS)
            for text in (outage.from_at, outage.to_at)
        )
        counts = [words.whole(count, self._language) for count in (outage.minutes, outage.counted)]
        return [begin, end, *counts, self._say(YES if outage.long else NO)]

    def _test(self, test: SpeedTest) -> list[str]:
        rates = [words.rate(rate, self._language) for rate in (test.download_bps, test.upload_bps)]
        counted = self._say(words.WHY_NOT.get(test.why_not, NO) if test.why_not else YES)
        return [self._at(test.time_ns), *rates, counted]

    def _more(self, shown: int, count: int) -> Iterator[Flowable]:
        if shown < count:
            yield looks.paragraph(self._say(MORE, shown=shown, count=count), "small")

    def _heading(self, text: str) -> Flowable:
        return looks.paragraph(self._say(text), "heading")

    def _all(self, texts: Sequence[str]) -> list[str]:
        return [translate(text, self._language) for text in texts]

    def _say(self, text: str, /, **values: object) -> str:
        return translate(text, self._language).format_map(values)

    def _at(self, time_ns: int) -> str:
        """Return day and minute on the village's clock."""
        day = formats.day(time_ns, self._zone, self._language)
        return f"{day} {formats.clock(time_ns, self._zone, self._language, seconds=False)}"
