"""The derived series of villages' months: days, tests, outages, months, areas, and what people say of them.

All are kept for ever. What a day's texts hold is written by `pantau_collector.months.dayrows`.
"""

from __future__ import annotations

from pantau_collector.storage.seriestypes import (
    AREA_TAGS,
    DEVICE_TAGS,
    Series,
    count,
    flag,
    number,
    word,
)
from pantau_wire.vocabulary import Text

_DAY = Series(
    "sla_day",
    AREA_TAGS,
    (
        word("states", "Runs of states, four characters each", "Deret keadaan, masing-masing empat karakter"),
        word("day_rules", "Fingerprint of the profile's daily rules", "Sidik aturan harian profil"),
        count("latency_n", "Minutes with a delay", "Menit dengan waktu tunda"),
        count("latency_k", "Minutes within the delay", "Menit dalam batas waktu tunda"),
        number("latency_sum_ms", "Delays, sum", "Waktu tunda, jumlah"),
        word("latency_histogram", "Histogram of delays", "Histogram waktu tunda"),
        count("variation_n", "Minutes with a delay variation", "Menit dengan variasi tunda"),
        count("variation_k", "Minutes within the variation", "Menit dalam batas variasi tunda"),
        number("variation_sum_ms", "Delay variations, sum", "Variasi tunda, jumlah"),
        word("variation_histogram", "Histogram of delay variations", "Histogram variasi tunda"),
        count("sent_count", "Probes to the testpoint", "Paket uji ke titik uji"),
        count("lost_count", "Lost probes", "Paket uji hilang"),
        count("download_n", "Counted downloads", "Unduhan yang dihitung"),
        count("download_k", "Downloads that reached 80%", "Unduhan yang mencapai 80%"),
        number("download_sum_bps", "Counted downloads, sum", "Unduhan yang dihitung, jumlah"),
        count("upload_n", "Counted uploads", "Unggahan yang dihitung"),
        count("upload_k", "Uploads that reached 80%", "Unggahan yang mencapai 80%"),
        number("upload_sum_bps", "Counted uploads, sum", "Unggahan yang dihitung, jumlah"),
        count("uncounted_tests", "Tests that do not count", "Uji yang tidak dihitung"),
        word("tests", "Counted tests of the day", "Uji hari itu yang dihitung"),
    ),
    "history",
    Text("All that a month needs of a village's day", "Semua yang diperlukan bulan dari sehari sebuah desa"),
)
_TEST = Series(
    "sla_test",
    (*DEVICE_TAGS, "engine"),
    (
        flag("counted", "Whether the test counts", "Apakah uji dihitung"),
        number("download_goodput_bps", "Download", "Unduhan"),
        number("upload_goodput_bps", "Upload", "Unggahan"),
        word("why_not", "What keeps it from counting", "Mengapa tidak dihitung"),
    ),
    "history",
    Text("Every speed test of a village", "Setiap uji kecepatan sebuah desa"),
)
_OUTAGE = Series(
    "sla_outage",
    (*AREA_TAGS, "cause"),
    (
        count("minute_count", "How long it lasted, in minutes", "Lamanya dalam menit"),
        count("until_ns", "When it ended", "Kapan berakhir"),
        flag("long", "Longer than the profile allows", "Lebih lama dari yang dibolehkan profil"),
        count("restitution_minute_count", "Minutes of restitution", "Menit restitusi"),
    ),
    "history",
    Text("Every outage, by its first minute", "Setiap gangguan, menurut menit pertamanya"),
)
_FAULT = Series(
    "target_fault",
    ("regency", "province", "target", "server"),
    (
        count("minute_count", "Minutes at fault", "Menit bermasalah"),
        count("minute_bits", "Which of the five minutes", "Yang mana dari lima menit"),
    ),
    "rollup",
    Text(
        "Five minutes in which a target was silent for several providers at once",
        "Lima menit ketika sebuah sasaran diam bagi beberapa penyedia sekaligus",
    ),
    asked_by=(),
)
_MONTH = Series(
    "sla_month",
    (*AREA_TAGS, "provider"),
    (
        word("verdict", "Verdict", "Putusan"),
        word("availability_verdict", "Verdict on availability", "Putusan ketersediaan"),
        word("download_verdict", "Verdict on download", "Putusan unduhan"),
        word("upload_verdict", "Verdict on upload", "Putusan unggahan"),
        word("latency_verdict", "Verdict on delay", "Putusan waktu tunda"),
        word("variation_verdict", "Verdict on delay variation", "Putusan variasi tunda"),
        word("loss_verdict", "Verdict on loss", "Putusan kehilangan paket"),
        word("pooled_verdict", "Verdict over three months", "Putusan tiga bulan"),
        number("availability_ratio", "Availability", "Ketersediaan"),
        number("availability_min_ratio", "Availability, lower bound", "Ketersediaan, batas bawah"),
        number("availability_max_ratio", "Availability, upper bound", "Ketersediaan, batas atas"),
        number("coverage_ratio", "Coverage", "Cakupan"),
        count("restitution_minute_count", "Minutes of restitution", "Menit restitusi"),
        count("download_test_count", "Counted downloads", "Unduhan yang dihitung"),
        count("download_reached_count", "Downloads that reached 80%", "Unduhan yang mencapai 80%"),
        count("upload_test_count", "Counted uploads", "Unggahan yang dihitung"),
        count("upload_reached_count", "Uploads that reached 80%", "Unggahan yang mencapai 80%"),
        number("latency_within_ratio", "Minutes within the delay", "Menit dalam batas waktu tunda"),
        number("variation_within_ratio", "Minutes within the variation", "Menit dalam batas variasi"),
        number("rt_loss_ratio", "Loss", "Kehilangan paket"),
        word("rules_version", "Version of the rules", "Versi aturan"),
        word("profile", "SLA profile", "Profil SLA"),
        word("sums", "What the days add up to", "Jumlah hari-harinya"),
        count("revision_number", "Revision, none while open", "Revisi, kosong selama terbuka"),
        count("closed_at_ns", "When it was closed", "Kapan ditutup"),
        word("record_sha256", "Fingerprint of the record", "Sidik berita acara"),
        word("revision_reason", "Why it was revised", "Alasan revisi"),
    ),
    "history",
    Text(
        "A village's month against its profile; the time is the month's first instant there",
        "Sebulan sebuah desa terhadap profilnya; waktunya awal bulan setempat",
    ),
    asked_by=("village", "regency"),
)
_AREA = Series(
    "sla_area",
    ("area", "parent"),
    (
        count("passed_village_count", "Villages that passed", "Desa yang lulus"),
        count("failed_village_count", "Villages that failed", "Desa yang gagal"),
        count("inconclusive_village_count", "Inconclusive villages", "Desa yang belum pasti"),
        count("insufficient_village_count", "Villages with too little data", "Desa dengan data kurang"),
        number("coverage_ratio", "Coverage, mean of the villages", "Cakupan, rata-rata desa"),
        count("restitution_minute_count", "Minutes of restitution", "Menit restitusi"),
        count("download_test_count", "Counted downloads", "Unduhan yang dihitung"),
        count("download_reached_count", "Downloads that reached 80%", "Unduhan yang mencapai 80%"),
        count("upload_test_count", "Counted uploads", "Unggahan yang dihitung"),
        count("upload_reached_count", "Uploads that reached 80%", "Unggahan yang mencapai 80%"),
    ),
    "history",
    Text(
        "The month of the nation, a province, regency or district over all its villages",
        "Sebulan nasional, provinsi, kabupaten, atau kecamatan dari semua desanya",
    ),
    asked_by=("parent",),
)
_RECORD = Series(
    "sla_record",
    (*AREA_TAGS, "revision"),
    (
        count("closed_at_ns", "When it was closed", "Kapan ditutup"),
        word("verdict", "Verdict", "Putusan"),
        word("record_sha256", "Fingerprint of the record", "Sidik berita acara"),
        word("reason", "Why it was revised", "Alasan revisi"),
        word("record", "The frozen record", "Berita acara"),
    ),
    "history",
    Text(
        "A closed month of a village, frozen; later data add a revision",
        "Bulan sebuah desa yang ditutup; data susulan menambah revisi",
    ),
    asked_by=("village", "regency"),
)
_MAINTENANCE = Series(
    "sla_maintenance",
    ("area", "number", "action"),
    (
        word("by", "Who", "Siapa"),
        word("what", "What is done", "Apa yang dikerjakan"),
        count("from_ns", "Begins", "Mulai"),
        count("to_ns", "Ends", "Selesai"),
    ),
    "history",
    Text(
        "Announced and withdrawn maintenance; the time is that of the word",
        "Pemeliharaan yang diumumkan dan dibatalkan; waktunya saat diumumkan",
    ),
    asked_by=(),
)
_OBJECTION = Series(
    "sla_objection",
    ("village", "number", "action"),
    (
        word("by", "Who", "Siapa"),
        word("text", "What was said", "Apa yang dikatakan"),
        word("month", "Month", "Bulan"),
    ),
    "history",
    Text(
        "What is held against a village's month, and what was answered; the time is that of the word",
        "Keberatan atas bulan sebuah desa, dan jawabannya; waktunya saat disampaikan",
    ),
    asked_by=(),
)

SLA_SERIES = (_DAY, _TEST, _OUTAGE, _FAULT, _MONTH, _AREA, _RECORD, _MAINTENANCE, _OBJECTION)
