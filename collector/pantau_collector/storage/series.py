"""What is derived from measurements and kept beside them: the one table of derived series.

Rollups, silences, alerts and verdicts all have a line here: measurement name, tags, fields with their unit
and words, and how long they are kept. Stores make their tables from it, dashboards their queries and units.

A rollup's field is named after the column that it sums up: `sum_rx_bytes`, `max_rx_rate_bps`,
`p95_rtd_p50_ms`, `rtd_p50_ms_count` (how many values there were). Every row is recomputed whole from what it
came from, and its time is the window's first instant: writing it again replaces it.
"""

from __future__ import annotations

from typing import Literal

from pantau_collector.storage.seriestypes import (
    AREA_TAGS,
    DEVICE_TAGS,
    Retention,
    Series,
)
from pantau_collector.storage.seriestypes import count as _count
from pantau_collector.storage.seriestypes import flag as _flag
from pantau_collector.storage.seriestypes import number as _number
from pantau_collector.storage.seriestypes import word as _word
from pantau_collector.storage.slaseries import SLA_SERIES
from pantau_wire import schema
from pantau_wire.fields import KINDS
from pantau_wire.schema import Column, ColumnType
from pantau_wire.vocabulary import Text, Unit

__all__ = ["AREA_TAGS", "DEVICE_TAGS", "SERIES", "Retention", "Series"]  # what the dashboards know

Statistic = Literal["count", "sum", "min", "max", "p50", "p95", "histogram"]
Window = Literal["5m", "1h", "1d"]

WINDOWS_S: dict[Window, int] = {"5m": 300, "1h": 3600, "1d": 86_400}
"""How long a rollup's window is. A day is the village's own calendar day, so it begins at 15:00, 16:00 or
17:00 UTC."""

LIVE_NS = 600 * 10**9
"""A measurement that is older when it becomes durable is marked in the series `late`."""

STATES = ("up", "link_down", "local_fault", "power_off", "agent_down", "off_site", "unknown")
"""States of a village's minute, best first; `state_index` counts from 0 in this order."""

SURGE_STATES = ("normal", "slow", "surge", "unmeasured", "learning")
"""States of a village's traffic in a direction: `slow` is the slow track's alarm, `surge` the score's."""

ALERTS = ("village_silent", "link_down", "delay", "loss", "download", "upload")
"""What `active_alerts` tells of, by its tag `alert`: the names of Grafana's rules of the same kind."""


ROLLED_UP: dict[str, dict[str, tuple[Statistic, ...]]] = {
    "traffic": {
        "rx_bytes": ("sum",),
        "tx_bytes": ("sum",),
        "test_rx_bytes": ("sum",),
        "test_tx_bytes": ("sum",),
        "rx_rate_bps": ("count", "sum", "min", "max", "p50", "p95"),
        "tx_rate_bps": ("count", "sum", "min", "max", "p50", "p95"),
        "rx_peak_bps": ("max",),
        "tx_peak_bps": ("max",),
    },
    "latency": {
        "sent_count": ("sum",),
        "received_count": ("sum",),
        "rtd_min_ms": ("min",),
        "rtd_p50_ms": ("count", "sum", "min", "max", "p50", "p95", "histogram"),
        "rtd_p95_ms": ("p50", "p95", "max"),
        "rtd_max_ms": ("max",),
        "rtd_pdv_p95_ms": ("count", "sum", "max", "p50", "p95", "histogram"),
        "rtd_ipdv_p95_ms": ("p50", "p95"),
    },
    "speed": {
        "download_goodput_bps": ("count", "sum", "min", "max", "p50", "p95", "histogram"),
        "upload_goodput_bps": ("count", "sum", "min", "max", "p50", "p95", "histogram"),
        "download_bytes": ("sum",),
        "upload_bytes": ("sum",),
        "idle_rtd_p50_ms": ("p50", "p95"),
        "loaded_rtd_down_p50_ms": ("p50", "p95"),
        "loaded_rtd_up_p50_ms": ("p50", "p95"),
        "download_responsiveness_rpm": ("p50",),
        "upload_responsiveness_rpm": ("p50",),
    },
    "dns": {"resolve_ms": ("count", "sum", "min", "max", "p50", "p95")},
    "http": {
        "first_byte_ms": ("p50", "p95"),
        "total_ms": ("count", "sum", "min", "max", "p50", "p95"),
    },
    "link": {
        "interface_up": ("count", "sum"),
        "gateway_answers": ("count", "sum"),
        "wifi_signal_dbm": ("min", "max", "p50"),
        "negotiated_bps": ("min", "max"),
    },
    "device": {
        "uptime_s": ("min", "max"),
        "cpu_ratio": ("max", "p50"),
        "memory_used_bytes": ("max", "p50"),
        "temperature_celsius": ("max", "p50"),
        "clock_offset_ms": ("min", "max", "p50"),
        "spool_depth_count": ("max",),
        "dropped_count": ("max",),
        "rejected_count": ("max",),
        "budget_used_bytes": ("max",),
    },
}
"""Which statistics of which column a rollup holds. A flag counts as 1 or 0."""

_WORDS: dict[Statistic, tuple[str, str]] = {
    "count": ("how many values", "banyaknya nilai"),
    "sum": ("sum", "jumlah"),
    "min": ("smallest", "terkecil"),
    "max": ("largest", "terbesar"),
    "p50": ("median", "median"),
    "p95": ("95th percentile", "persentil ke-95"),
    "histogram": ("histogram", "histogram"),
}


def statistic_name(column: str, statistic: Statistic) -> str:
    """Return the name of a rollup's field."""
    if statistic in ("count", "histogram"):
        return f"{column}_{statistic}"
    return f"{statistic}_{column}"


def rollup_name(kind: str, window: Window) -> str:
    """Return the measurement of a kind's rollup, such as `latency_5m`; `village` is a kind here too."""
    return f"{kind}_{window}"


def _statistic_type(column: Column, statistic: Statistic) -> ColumnType:
    if statistic == "histogram":
        return "text"
    if statistic == "count" or (statistic == "sum" and column.type in ("int", "bool")):
        return "int"
    return "float"


def _statistic(column: Column, statistic: Statistic) -> Column:
    name = statistic_name(column.name, statistic)
    english, indonesian = _WORDS[statistic]
    text = Text(f"{column.text.label_en}, {english}", f"{column.text.label_id}, {indonesian}")
    return Column(name, _statistic_type(column, statistic), Unit.of(name), text)


def _rollup(kind: str, window: Window) -> Series:
    columns = {column.name: column for column in schema.columns(kind)}
    statistics = (
        _statistic(columns[name], statistic)
        for name, wanted in ROLLED_UP[kind].items()
        for statistic in wanted
        if not (statistic == "histogram" and window == "5m")  # of five values it would say no more than they
    )
    return Series(
        name=rollup_name(kind, window),
        tags=(*DEVICE_TAGS, *schema.key_names(kind)),
        columns=(
            _count("row_count", "Measurements", "Pengukuran"),
            _count("failure_count", "Failed measurements", "Pengukuran gagal"),
            *statistics,
        ),
        retention=_kept(window),
        about=Text(f"{kind} of a device, each {window}", f"{kind} sebuah perangkat, tiap {window}"),
    )


def _kept(window: Window) -> Retention:
    return "history" if window == "1d" else "rollup"


_VILLAGE_COLUMNS = (
    _count("device_count", "Registered devices", "Perangkat terdaftar"),
    _count("reporting_device_count", "Devices that reported", "Perangkat yang melapor"),
    _number("rx_rate_bps", "Receive rate", "Laju terima"),
    _number("tx_rate_bps", "Send rate", "Laju kirim"),
    _number("rx_peak_bps", "Peak receive rate", "Laju terima puncak"),
    _number("tx_peak_bps", "Peak send rate", "Laju kirim puncak"),
    _flag("router_traffic", "Traffic counted at the router", "Lalu lintas dihitung di ruter"),
    _count("rx_bytes", "Received", "Diterima"),
    _count("tx_bytes", "Sent", "Dikirim"),
    _count("sent_count", "Probes to the testpoint", "Paket uji ke titik uji"),
    _count("received_count", "Answers of the testpoint", "Jawaban titik uji"),
    _number("rt_loss_ratio", "Round-trip loss", "Kehilangan paket"),
    _number("rtd_p50_ms", "Round-trip delay, median", "Waktu tunda pulang-pergi, median"),
    _number("rtd_p95_ms", "Round-trip delay, 95th percentile", "Waktu tunda pulang-pergi, persentil ke-95"),
    _number("rtd_pdv_p95_ms", "Delay variation, 95th percentile", "Variasi tunda, persentil ke-95"),
    _number("idle_rtd_p50_ms", "Idle delay in speed tests", "Waktu tunda senggang pada uji kecepatan"),
    _number("loaded_rtd_p50_ms", "Loaded delay in speed tests", "Waktu tunda berbeban pada uji kecepatan"),
    _count("speed_test_count", "Speed tests", "Uji kecepatan"),
    _count("counted_test_count", "Speed tests that count", "Uji kecepatan yang dihitung"),
    _number("download_goodput_bps", "Download, median of counted tests", "Unduhan, median uji yang dihitung"),
    _number("upload_goodput_bps", "Upload, median of counted tests", "Unggahan, median uji yang dihitung"),
    _number("contracted_download_bps", "Contracted download", "Kontrak unduhan"),
    _number("contracted_upload_bps", "Contracted upload", "Kontrak unggahan"),
    _word("state", "State", "Keadaan"),
    _count("state_index", "State as a number", "Keadaan sebagai angka"),
    *(
        _count(f"{state}_minute_count", f"Minutes in state {state}", f"Menit dalam keadaan {state}")
        for state in STATES
    ),
)
_REGENCY_COLUMNS = (
    _count("village_count", "Registered villages", "Desa terdaftar"),
    _count("reporting_village_count", "Villages that reported", "Desa yang melapor"),
    _count("up_village_count", "Villages that are up", "Desa yang tersambung"),
    _count("link_down_village_count", "Villages whose link is down", "Desa yang terputus"),
    _count("silent_village_count", "Silent villages", "Desa yang diam"),
    _number("rx_rate_bps", "Receive rate, all villages", "Laju terima, semua desa"),
    _number("tx_rate_bps", "Send rate, all villages", "Laju kirim, semua desa"),
    _number("rtd_p50_ms", "Round-trip delay, median village", "Waktu tunda pulang-pergi, desa median"),
    _number("rt_loss_ratio", "Round-trip loss, all probes", "Kehilangan paket, semua paket uji"),
    _number("download_goodput_bps", "Download, median village", "Unduhan, desa median"),
    _number("upload_goodput_bps", "Upload, median village", "Unggahan, desa median"),
    _count("speed_test_count", "Speed tests", "Uji kecepatan"),
)
_SILENCE_COLUMNS = (_number("silent_minutes", "Minutes without a measurement", "Menit tanpa pengukuran"),)


def _area_rollup(
    level: str, tags: tuple[str, ...], columns: tuple[Column, ...], about: Text, window: Window
) -> Series:
    return Series(rollup_name(level, window), tags, columns, _kept(window), about)


_OTHERS = (
    Series(
        "registry",
        (*DEVICE_TAGS, "village_label", "district_label", "regency_label", "province_label"),
        (
            _word("provider", "Provider", "Penyedia"),
            _word("technology", "Technology", "Teknologi"),
            _word("profile", "SLA profile", "Profil SLA"),
            _flag("traffic_source", "Declared traffic source", "Sumber lalu lintas desa"),
        ),
        "rollup",
        Text(
            "Every active device, once an hour; a label is name|code, for Grafana's variables",
            "Tiap perangkat aktif, sekali sejam; label berupa nama|kode, untuk variabel Grafana",
        ),
    ),
    Series(
        "device_silence",
        DEVICE_TAGS,
        _SILENCE_COLUMNS,
        "rollup",
        Text("Each registered device, every five minutes", "Tiap perangkat terdaftar, tiap lima menit"),
    ),
    Series(
        "village_silence",
        AREA_TAGS,
        _SILENCE_COLUMNS,
        "rollup",
        Text("Each registered village, every five minutes", "Tiap desa terdaftar, tiap lima menit"),
    ),
    Series(
        "active_alerts",
        (*AREA_TAGS, "alert"),
        (
            _count("active", "1 while it lasts, 0 when it ended", "1 selama berlangsung, 0 bila selesai"),
            _number("value", "How strong, in the alert's own unit", "Seberapa kuat, dalam satuannya"),
            _number("since_s", "Since when (seconds since 1970)", "Sejak kapan (detik sejak 1970)"),
        ),
        "rollup",
        Text("What is out of bounds now, every five minutes", "Apa yang di luar batas, tiap lima menit"),
    ),
    Series(
        "surge",
        (*AREA_TAGS, "direction"),
        (
            _number("score", "Surge score", "Skor lonjakan"),
            _number("cusum", "Slow surge (CUSUM)", "Lonjakan lambat (CUSUM)"),
            _number("ratio", "Times the normal rate", "Kali laju normal"),
            _number("baseline_bps", "Normal rate at this hour", "Laju normal pada jam ini"),
            _number("baseline_low_bps", "Normal range, lower end", "Rentang normal, batas bawah"),
            _number("baseline_high_bps", "Normal range, upper end", "Rentang normal, batas atas"),
            _number("rate_bps", "Rate", "Laju"),
            _number("regional_score", "Surge score of the regency", "Skor lonjakan kabupaten"),
            _number("regional_ratio", "Times the regency's normal rate", "Kali laju normal kabupaten"),
            _number("utilization_ratio", "Utilisation of the contract", "Pemakaian kontrak"),
            _word("state", "State", "Keadaan"),
            _number("since_s", "Surge since when (seconds since 1970)", "Lonjakan sejak (detik sejak 1970)"),
            _count("learning_days_left", "Days until there are scores", "Hari sampai ada skor"),
        ),
        "rollup",
        Text("Traffic against its baseline, every five minutes", "Lalu lintas dan garis dasarnya"),
    ),
    Series(
        "pipeline",
        ("collector",),
        (
            _count("envelope_count", "Envelopes in the last minute", "Amplop dalam menit terakhir"),
            _count("point_count", "Points in the last minute", "Titik data dalam menit terakhir"),
            _number("lag_p50_s", "Arrival after measurement, median", "Selisih tiba, median"),
            _number("lag_p95_s", "Arrival after measurement, p95", "Selisih tiba, p95"),
            _count("dead_letter_count", "Dead letters in the last minute", "Surat mati dalam menit terakhir"),
            _count("deferred_count", "Deferred in the last minute", "Ditunda dalam menit terakhir"),
            _count("waiting_bytes", "Waiting to be written", "Menunggu ditulis"),
            _count("dead_letters_bytes", "Dead letters on disk", "Surat mati di cakram"),
            _flag("breaker_open", "Breaker open", "Pemutus terbuka"),
            _flag("store_healthy", "Store answers", "Basis data menjawab"),
            _flag("broker_connected", "Broker connected", "Broker tersambung"),
            _count("expiring_certificate_count", "Certificates near expiry", "Sertifikat hampir habis"),
            _number(
                "revocation_list_left_s", "Until the revocation list lapses", "Sampai daftar cabut habis"
            ),
        ),
        "rollup",
        Text("Each collector of itself, every minute", "Tiap kolektor tentang dirinya, tiap menit"),
    ),
    Series(
        "late",
        ("device",),
        (
            _count("since_ns", "Earliest time that arrived late", "Waktu terlambat paling awal"),
            _count("until_ns", "Latest time that arrived late", "Waktu terlambat paling akhir"),
        ),
        "raw",
        Text(
            "What arrived after its window was summed up; the time is that of arrival",
            "Yang tiba setelah jendelanya dirangkum; waktunya saat tiba",
        ),
    ),
)

_BOOKKEEPING = (
    Series(
        "analysis_cursor",
        ("name",),
        (_count("position_ns", "Done up to", "Selesai sampai"),),
        "history",
        Text(
            "How far the analysis has come; all rows at time 0",
            "Sejauh mana analisis; semua baris pada waktu 0",
        ),
    ),
    Series(
        "analysis_placement",
        ("device",),
        (_word("history", "Placements that were used", "Penempatan yang dipakai"),),
        "history",
        Text(
            "Which placements of a device the rollups rest on; all rows at time 0",
            "Penempatan perangkat yang mendasari rangkuman; semua baris pada waktu 0",
        ),
    ),
)

_VILLAGE_ABOUT = Text("A village over all its devices", "Sebuah desa dari semua perangkatnya")
_REGENCY_ABOUT = Text("A regency over all its villages", "Sebuah kabupaten dari semua desanya")

SERIES: dict[str, Series] = {
    series.name: series
    for series in (
        *(_rollup(kind, window) for kind in KINDS for window in WINDOWS_S),
        *(_area_rollup("village", AREA_TAGS, _VILLAGE_COLUMNS, _VILLAGE_ABOUT, each) for each in WINDOWS_S),
        *(
            _area_rollup("regency", ("regency", "province"), _REGENCY_COLUMNS, _REGENCY_ABOUT, each)
            for each in WINDOWS_S
        ),
        *_OTHERS,
        *SLA_SERIES,
        *_BOOKKEEPING,
    )
}
