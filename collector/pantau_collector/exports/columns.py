"""The columns of a month's list of villages: the one table behind CSV, Excel files and their notes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pantau_collector.exports import areas
from pantau_collector.registry.timezones import zone_of
from pantau_wire.vocabulary import Text

if TYPE_CHECKING:
    from collections.abc import Callable

    from pantau_collector.i18n import Language
    from pantau_collector.months.model import Revision, VillageMonth

Kind = Literal["text", "verdict", "ratio", "count", "instant"]
Cell = str | float | int | None
"""A cell's value: ratios 0 to 1, instants ns since 1970, None for what there is no value of."""

_PROVINCE, _REGENCY, _DISTRICT = 2, 5, 8


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `name` is for programs and never changes; `width` is in characters."""

    name: str
    kind: Kind
    width: int
    text: Text
    value: Callable[[VillageMonth], Cell]

    def label(self, language: Language) -> str:
        """Return what people call it."""
        return self.text.label_id if language == "id" else self.text.label_en

    def about(self, language: Language) -> str:
        """Return the sentence that says what it means."""
        return self.text.about_id if language == "id" else self.text.about_en


def _field(name: str, kind: Kind, width: int, text: Text, field: str = "") -> Column:
    return Column(name, kind, width, text, lambda line: getattr(line, field or name))


def _metric(metric: str, english: str, indonesian: str) -> Column:
    text = Text(
        f"Verdict: {english}",
        f"Putusan: {indonesian}",
        f"Verdict on {english} alone.",
        f"Putusan untuk {indonesian} saja.",
    )
    return Column(f"{metric}_verdict", "verdict", 18, text, lambda line: line.metrics.get(metric))


def _area(name: str, length: int, english: str, indonesian: str) -> tuple[Column, Column]:
    code = Text(
        f"{english} code", f"Kode {indonesian}", "Code of the Ministry of Home Affairs.", "Kode Kemendagri."
    )
    title = Text(english, indonesian.capitalize(), "Name in the official list.", "Nama dalam daftar resmi.")
    return (
        Column(
            f"{name}_code", "text", 14 if length > _DISTRICT else 9, code, lambda line: line.code[:length]
        ),
        Column(name, "text", 22, title, lambda line: areas.name(line.code[:length])),
    )


def _tests(direction: str, english: str, indonesian: str) -> tuple[Column, Column]:
    count = Text(
        f"{english} tests",
        f"Uji {indonesian}",
        f"Speed tests of the busy hours that count for {english.lower()}.",
        f"Uji kecepatan pada jam sibuk yang dihitung untuk {indonesian}.",
    )
    share = Text(
        f"{english} reached",
        f"{indonesian.capitalize()} tercapai",
        "Share of these tests that reached 80% of the contracted rate (or what the profile says).",
        "Bagian uji itu yang mencapai 80% kecepatan kontrak (atau sesuai profil).",
    )
    return (
        _field(f"{direction}_test_count", "count", 12, count, f"{direction}_tests"),
        _field(f"{direction}_reached_ratio", "ratio", 12, share, f"{direction}_share"),
    )


def _revision(name: str, kind: Kind, width: int, text: Text, of: Callable[[Revision], Cell]) -> Column:
    return Column(name, kind, width, text, lambda line: of(line.revision) if line.revision else None)


COLUMNS: tuple[Column, ...] = (
    _field(
        "month", "text", 9, Text("Month", "Bulan", "Year and month, local time.", "Tahun dan bulan setempat.")
    ),
    *_area("province", _PROVINCE, "Province", "provinsi"),
    *_area("regency", _REGENCY, "Regency", "kabupaten/kota"),
    *_area("district", _DISTRICT, "District", "kecamatan"),
    *_area("village", 13, "Village", "desa/kelurahan"),
    Column(
        "timezone",
        "text",
        9,
        Text("Time zone", "Zona waktu", "Whose days make up the month.", "Zona waktu hari-hari bulan itu."),
        lambda line: zone_of(line.code).name,
    ),
    _field("provider", "text", 24, Text("Provider", "Penyedia", "As in the registry.", "Menurut registri.")),
    _field(
        "profile", "text", 12, Text("SLA profile", "Profil SLA", "What was promised.", "Apa yang dijanjikan.")
    ),
    _field(
        "verdict",
        "verdict",
        22,
        Text(
            "Verdict",
            "Putusan",
            "Verdict on the month: the gravest of its metrics.",
            "Putusan bulan itu: yang terberat dari semua ukuran.",
        ),
    ),
    _field(
        "pooled_verdict",
        "verdict",
        22,
        Text(
            "Verdict, three months",
            "Putusan tiga bulan",
            "Verdict on this month and the two before together.",
            "Putusan bulan ini bersama dua bulan sebelumnya.",
        ),
    ),
    _metric("availability", "availability", "ketersediaan"),
    _metric("download", "download", "unduhan"),
    _metric("upload", "upload", "unggahan"),
    _metric("latency", "delay", "waktu tunda"),
    _metric("variation", "delay variation", "variasi tunda"),
    _metric("loss", "loss", "kehilangan paket"),
    _field(
        "availability_ratio",
        "ratio",
        13,
        Text(
            "Availability",
            "Ketersediaan",
            "Minutes up of those up or in a long outage.",
            "Menit tersambung dari menit tersambung dan gangguan panjang.",
        ),
    ),
    _field(
        "availability_min_ratio",
        "ratio",
        13,
        Text(
            "Availability, lowest",
            "Ketersediaan terendah",
            "The same if every minute in doubt was down.",
            "Sama, bila semua menit yang diragukan dianggap putus.",
        ),
    ),
    _field(
        "availability_max_ratio",
        "ratio",
        13,
        Text(
            "Availability, highest",
            "Ketersediaan tertinggi",
            "The same if every minute in doubt was up.",
            "Sama, bila semua menit yang diragukan dianggap tersambung.",
        ),
    ),
    _field(
        "coverage_ratio",
        "ratio",
        11,
        Text(
            "Coverage",
            "Cakupan",
            "Share of the month in which the line was seen, up or down.",
            "Bagian bulan itu saat sambungan terpantau, tersambung atau putus.",
        ),
    ),
    _field(
        "restitution_minutes",
        "count",
        12,
        Text(
            "Restitution, minutes",
            "Restitusi, menit",
            "Minutes of long outages: the basis of restitution.",
            "Menit gangguan panjang: dasar restitusi.",
        ),
    ),
    *_tests("download", "Download", "unduhan"),
    *_tests("upload", "Upload", "unggahan"),
    _field(
        "latency_within_ratio",
        "ratio",
        12,
        Text(
            "Delay within limit",
            "Waktu tunda dalam batas",
            "Share of the minutes whose median round-trip delay kept the limit.",
            "Bagian menit yang median waktu tunda pulang-perginya dalam batas.",
        ),
        "latency_share",
    ),
    _field(
        "variation_within_ratio",
        "ratio",
        12,
        Text(
            "Variation within limit",
            "Variasi tunda dalam batas",
            "Share of the minutes whose delay variation kept the limit.",
            "Bagian menit yang variasi tundanya dalam batas.",
        ),
        "variation_share",
    ),
    _field(
        "rt_loss_ratio",
        "ratio",
        10,
        Text(
            "Loss",
            "Kehilangan paket",
            "Lost probes of all that were sent to the testpoint.",
            "Paket uji yang hilang dari semua yang dikirim ke titik uji.",
        ),
    ),
    _revision(
        "revision",
        "count",
        8,
        Text(
            "Revision",
            "Revisi",
            "1 when the month was closed, more where later data opened it again; empty while it is open.",
            "1 saat bulan ditutup, lebih bila data kemudian membukanya lagi; kosong selama masih terbuka.",
        ),
        lambda revision: revision.number,
    ),
    _revision(
        "closed_at",
        "instant",
        20,
        Text(
            "Closed at",
            "Ditutup pada",
            "When this revision was frozen, UTC.",
            "Saat revisi ini dibekukan, UTC.",
        ),
        lambda revision: revision.closed_at_ns,
    ),
    _revision(
        "revision_reason",
        "text",
        24,
        Text("Reason", "Alasan", "Why the month was opened again.", "Mengapa bulan itu dibuka lagi."),
        lambda revision: revision.reason,
    ),
    _revision(
        "evidence_sha256",
        "text",
        20,
        Text(
            "SHA-256 of the evidence",
            "SHA-256 bukti",
            "Over all that this village's verdict rests on; the evidence bundle proves it.",
            "Atas semua dasar putusan desa ini; berkas bukti membuktikannya.",
        ),
        lambda revision: revision.sha256,
    ),
)
