"""Alerts on ourselves: collectors, analysis, certificates."""

from __future__ import annotations

from pantau_dashboards.alerting import bounds
from pantau_dashboards.alerting.kind import HOUR_S, MINUTE_S, RECENT_S, Kind, Measure
from pantau_wire.vocabulary import Text

COLLECTOR_TAGS = ("collector",)


def _pipeline(
    name: str, select: str, *, series: str = "pipeline", where: str = "", range_s: int = 5 * MINUTE_S
) -> Measure:
    tags = COLLECTOR_TAGS if series == "pipeline" else ()
    return Measure(name, series, select, tags, range_s, where)


PIPELINE_KINDS: tuple[Kind, ...] = (
    Kind(
        name="pipeline_lag",
        scope="pipeline",
        severity="page",
        title=Text("Measurements arrive late", "Pengukuran terlambat tiba"),
        what=Text(
            "Half of what arrives was measured over five minutes ago: a jam, or a backlog after an outage.",
            "Separuh yang tiba diukur lebih dari lima menit lalu: macet, atau tunggakan setelah gangguan.",
        ),
        strength=Text("{value} s late", "terlambat {value} detik"),
        shown=("lag", "count"),
        measures=(_pipeline("lag", 'last("lag_p50_s")'),),
        condition=f"$lag > {bounds.LAG_S}",
        wait_s=10 * MINUTE_S,
        interval_s=MINUTE_S,
    ),
    Kind(
        name="dead_letters",
        scope="pipeline",
        severity="ticket",
        title=Text("Dead letters", "Surat mati"),
        what=Text(
            "Records were refused for ever: see `pantau-collector dead-letters list --summary`.",
            "Ada catatan yang ditolak selamanya: lihat `pantau-collector dead-letters list --summary`.",
        ),
        strength=Text("{value} within an hour", "{value} dalam satu jam"),
        shown=("letters", "count"),
        measures=(_pipeline("letters", 'sum("dead_letter_count")', range_s=HOUR_S),),
        condition="$letters > 0",
        interval_s=MINUTE_S,
    ),
    Kind(
        name="breaker",
        scope="pipeline",
        severity="page",
        title=Text("Breaker open", "Pemutus terbuka"),
        what=Text(
            "The store refuses so much that everything is deferred. Nothing is lost; it must be mended.",
            "Basis data menolak terlalu banyak, semuanya ditunda. Tidak ada yang hilang; harus diperbaiki.",
        ),
        strength=Text("open for {value} of the last 5 minutes", "terbuka {value} dari 5 menit terakhir"),
        shown=("minutes", "count"),
        measures=(_pipeline("minutes", 'count("envelope_count")', where='"breaker_open" = true'),),
        condition="$minutes > 0",
        interval_s=MINUTE_S,
    ),
    Kind(
        name="broker",
        scope="pipeline",
        severity="page",
        title=Text("Collector without its broker", "Kolektor tanpa broker"),
        what=Text(
            "The collector has no connection to the MQTT broker.",
            "Kolektor tidak tersambung ke broker MQTT.",
        ),
        strength=Text("for {value} of the last 5 minutes", "selama {value} dari 5 menit terakhir"),
        shown=("minutes", "count"),
        measures=(_pipeline("minutes", 'count("envelope_count")', where='"broker_connected" = false'),),
        condition=f"$minutes > {bounds.DISCONNECTED_MINUTES}",
        interval_s=MINUTE_S,
    ),
    Kind(
        name="collectors",
        scope="pipeline",
        severity="page",
        title=Text("No collector works", "Tidak ada kolektor yang bekerja"),
        what=Text(
            "For five minutes no collector has told of itself: they are down, or the database does not "
            "answer. Agents keep everything meanwhile.",
            "Selama lima menit tidak ada kabar dari kolektor: kolektor mati, atau basis data tidak "
            "menjawab. Agen menyimpan semuanya sementara itu.",
        ),
        strength=Text("{value} reports", "{value} laporan"),
        shown=("reports", "count"),
        measures=(Measure("reports", "pipeline", 'count("envelope_count")', (), 5 * MINUTE_S),),
        condition="$reports < 1",
        interval_s=MINUTE_S,
        no_data="Alerting",
        on_error="Alerting",
    ),
    Kind(
        name="analysis",
        scope="pipeline",
        severity="page",
        title=Text("Analysis stands still", "Analisis berhenti"),
        what=Text(
            "No silences were written for half an hour: alerts on villages cannot be trusted until the "
            "analysis runs again.",
            "Selama setengah jam tidak ada catatan desa diam: peringatan desa tidak dapat dipercaya sampai "
            "analisis berjalan lagi.",
        ),
        strength=Text("{value} rows", "{value} baris"),
        shown=("rows", "count"),
        measures=(_pipeline("rows", 'count("silent_minutes")', series="village_silence", range_s=RECENT_S),),
        condition="$rows < 1",
        interval_s=MINUTE_S,
        no_data="Alerting",
    ),
    Kind(
        name="certificates",
        scope="pipeline",
        severity="ticket",
        title=Text("Certificates near their end", "Sertifikat hampir habis"),
        what=Text(
            "Certificates end soon: see `pantau-collector devices list`.",
            "Ada sertifikat yang segera habis masa berlakunya: lihat `pantau-collector devices list`.",
        ),
        strength=Text("{value} certificates", "{value} sertifikat"),
        shown=("expiring", "count"),
        measures=(_pipeline("expiring", 'last("expiring_certificate_count")', range_s=HOUR_S),),
        condition="$expiring > 0",
        interval_s=15 * MINUTE_S,
    ),
    Kind(
        name="revocation_list",
        scope="pipeline",
        severity="page",
        title=Text("Revocation list near its end", "Daftar cabut hampir habis"),
        what=Text(
            "When the revocation list lapses, the broker refuses every device.",
            "Bila daftar cabut habis masa berlakunya, broker menolak semua perangkat.",
        ),
        strength=Text("{value} s left", "sisa {value} detik"),
        shown=("left", "count"),
        measures=(_pipeline("left", 'last("revocation_list_left_s")', range_s=HOUR_S),),
        condition=f"$left < {bounds.REVOCATION_LIST_LEFT_S}",
        interval_s=15 * MINUTE_S,
    ),
)
