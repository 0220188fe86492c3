"""The one table of what Pantau measures: a class per kind, a line per field.

A field's name ends in its unit, its annotation gives type and bounds, its `Text` the words that
people read. Storage columns, InfluxDB fields, dashboards, the portal and the docs derive from here
through `pantau_wire.schema`; add a field here and nowhere else.

Terms are the field's own: RFC 2681 (round-trip delay), RFC 3393 and RFC 5481 (delay variation),
RFC 6673 (round-trip loss), RFC 2647 (goodput), RFC 7799 (active and passive measurement).

Every number is optional. A lost packet's delay and a failed test's goodput are absent, which means
null: never zero. A measurement that failed says why in `failure`.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from pantau_wire.vocabulary import (
    AnyRatio,
    BitsPerSecond,
    BitsPerSecondSeries,
    Bytes,
    Celsius,
    Code,
    Count,
    Dbm,
    Fingerprint,
    HttpStatus,
    Id,
    Milliseconds,
    Name,
    Ratio,
    RoundTripsPerMinute,
    Seconds,
    SignedMilliseconds,
    Text,
    Version,
)

Failure = Literal[
    "unreachable",  # no route, or nobody answered at all
    "timeout",  # it began and did not end in time
    "refused",  # the peer said no: closed port, HTTP error
    "busy",  # the peer has no slot free
    "name_resolution",  # the name did not resolve
    "protocol",  # the peer answers something else than the protocol
    "permission",  # this machine does not let us
    "unsupported",  # this machine or this installation cannot
    "budget",  # the data budget does not allow it
    "internal",  # a fault of ours
]
EndedBy = Literal["time", "stable", "budget"]
LimitedBy = Literal["none", "device", "busy_line", "budget", "server"]
ClockState = Literal["synced", "unsynced", "repaired", "estimated", "unknown"]


class Measurement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", gc=False):
    """What every kind has. `failure` is null when the measurement succeeded."""

    failure: Annotated[
        Failure | None,
        Text(
            "Failure",
            "Kegagalan",
            "Why the measurement failed; empty when it succeeded",
            "Sebab pengukuran gagal; kosong bila berhasil",
        ),
    ] = None
    failure_detail: Annotated[
        Name | None,
        Text("Failure detail", "Rincian kegagalan", "What exactly went wrong", "Apa tepatnya yang salah"),
    ] = None
    duration_s: Annotated[
        Seconds | None,
        Text("Duration", "Lama", "How long the measurement took", "Berapa lama pengukuran berlangsung"),
    ] = None


class Traffic(Measurement, frozen=True, kw_only=True, tag="traffic"):
    """Bytes that crossed one interface in one period: passive, people's own use (RFC 7799)."""

    source: Annotated[
        Literal["host", "router"],
        Text(
            "Source",
            "Sumber",
            "Whose counters: this machine's, or the village router's",
            "Penghitung milik siapa: mesin ini atau ruter desa",
            key=True,
        ),
    ]
    interface: Annotated[
        Name,
        Text(
            "Interface",
            "Antarmuka",
            "The network interface watched",
            "Antarmuka jaringan yang diamati",
            key=True,
        ),
    ]
    rx_bytes: Annotated[
        Bytes | None,
        Text(
            "Received",
            "Diterima",
            "Bytes received, own tests included",
            "Bita diterima, termasuk uji sendiri",
        ),
    ] = None
    tx_bytes: Annotated[
        Bytes | None,
        Text("Sent", "Dikirim", "Bytes sent, own tests included", "Bita dikirim, termasuk uji sendiri"),
    ] = None
    test_rx_bytes: Annotated[
        Bytes | None,
        Text(
            "Received by own tests",
            "Diterima oleh uji sendiri",
            "Bytes received that our own tests caused",
            "Bita diterima akibat uji kami sendiri",
        ),
    ] = None
    test_tx_bytes: Annotated[
        Bytes | None,
        Text(
            "Sent by own tests",
            "Dikirim oleh uji sendiri",
            "Bytes sent that our own tests caused",
            "Bita dikirim akibat uji kami sendiri",
        ),
    ] = None
    rx_rate_bps: Annotated[
        BitsPerSecond | None,
        Text(
            "Receive rate",
            "Laju terima",
            "Mean receive rate, own tests subtracted",
            "Laju terima rata-rata, tanpa uji sendiri",
        ),
    ] = None
    tx_rate_bps: Annotated[
        BitsPerSecond | None,
        Text(
            "Send rate",
            "Laju kirim",
            "Mean send rate, own tests subtracted",
            "Laju kirim rata-rata, tanpa uji sendiri",
        ),
    ] = None
    rx_peak_bps: Annotated[
        BitsPerSecond | None,
        Text(
            "Peak receive rate",
            "Laju terima puncak",
            "Highest receive rate of any sample, own tests subtracted",
            "Laju terima tertinggi dari semua cuplikan, tanpa uji sendiri",
        ),
    ] = None
    tx_peak_bps: Annotated[
        BitsPerSecond | None,
        Text(
            "Peak send rate",
            "Laju kirim puncak",
            "Highest send rate of any sample, own tests subtracted",
            "Laju kirim tertinggi dari semua cuplikan, tanpa uji sendiri",
        ),
    ] = None
    sample_count: Annotated[
        Count | None,
        Text("Samples", "Cuplikan", "Samples the period is made of", "Jumlah cuplikan dalam periode ini"),
    ] = None
    counter_reset_count: Annotated[
        Count | None,
        Text(
            "Counter resets",
            "Penghitung kembali nol",
            "How often the interface's counters went backwards; those samples are left out",
            "Berapa kali penghitung antarmuka mundur; cuplikan itu tidak dihitung",
        ),
    ] = None


class Latency(Measurement, frozen=True, kw_only=True, tag="latency"):
    """Round-trip delay, delay variation and loss to one target (RFC 2681, 5481, 3393, 6673)."""

    target: Annotated[
        Literal["gateway", "testpoint", "internet"],
        Text("Target", "Sasaran", "What was probed", "Apa yang diuji", key=True),
    ]
    method: Annotated[
        Literal["icmp", "stamp", "tcp"],
        Text(
            "Method",
            "Metode",
            "ICMP echo, STAMP (RFC 8762) or TCP connect",
            "Gema ICMP, STAMP (RFC 8762), atau sambungan TCP",
            key=True,
        ),
    ]
    server: Annotated[
        Name | None, Text("Server", "Peladen", "Address that was probed", "Alamat yang diuji")
    ] = None
    sent_count: Annotated[
        Count | None, Text("Sent", "Terkirim", "Probe packets sent", "Paket uji terkirim")
    ] = None
    received_count: Annotated[
        Count | None,
        Text("Received", "Terjawab", "Answers received in time", "Jawaban yang tiba tepat waktu"),
    ] = None
    skipped_count: Annotated[
        Count | None,
        Text(
            "Skipped",
            "Dilewati",
            "Probe packets left out because our own speed test loaded the line",
            "Paket uji yang tidak dikirim karena uji kecepatan kami membebani jalur",
        ),
    ] = None
    authenticated: Annotated[
        bool | None,
        Text(
            "Authenticated",
            "Terautentikasi",
            "Whether probe packets and answers carried a signature (RFC 8762, HMAC-SHA-256)",
            "Apakah paket uji dan jawabannya bertanda tangan (RFC 8762, HMAC-SHA-256)",
        ),
    ] = None
    forward_lost_count: Annotated[
        Count | None,
        Text(
            "Lost on the way there",
            "Hilang di arah pergi",
            "Packets known to be lost towards the target; empty where the method cannot tell",
            "Paket yang diketahui hilang menuju sasaran; kosong bila metode tidak dapat membedakan",
        ),
    ] = None
    backward_lost_count: Annotated[
        Count | None,
        Text(
            "Lost on the way back",
            "Hilang di arah pulang",
            "Answers known to be lost on their way back; empty where the method cannot tell",
            "Jawaban yang diketahui hilang saat pulang; kosong bila metode tidak dapat membedakan",
        ),
    ] = None
    rt_loss_ratio: Annotated[
        Ratio | None,
        Text(
            "Round-trip loss",
            "Kehilangan paket",
            "Share of probe packets without an answer (RFC 6673)",
            "Bagian paket uji tanpa jawaban (RFC 6673)",
        ),
    ] = None
    rtd_min_ms: Annotated[
        Milliseconds | None,
        Text(
            "Minimum round-trip delay",
            "Waktu tunda pulang-pergi minimum",
            "Smallest round-trip delay (RFC 2681)",
            "Waktu tunda pulang-pergi terkecil (RFC 2681)",
        ),
    ] = None
    rtd_p50_ms: Annotated[
        Milliseconds | None,
        Text(
            "Median round-trip delay",
            "Median waktu tunda pulang-pergi",
            "Half of the answers came faster (RFC 2681)",
            "Separuh jawaban tiba lebih cepat (RFC 2681)",
        ),
    ] = None
    rtd_p95_ms: Annotated[
        Milliseconds | None,
        Text(
            "95th percentile round-trip delay",
            "Persentil ke-95 waktu tunda pulang-pergi",
            "95% of the answers came faster (RFC 2681)",
            "95% jawaban tiba lebih cepat (RFC 2681)",
        ),
    ] = None
    rtd_max_ms: Annotated[
        Milliseconds | None,
        Text(
            "Maximum round-trip delay",
            "Waktu tunda pulang-pergi maksimum",
            "Largest round-trip delay (RFC 2681)",
            "Waktu tunda pulang-pergi terbesar (RFC 2681)",
        ),
    ] = None
    rtd_pdv_p95_ms: Annotated[
        Milliseconds | None,
        Text(
            "Packet delay variation, 95th percentile",
            "Variasi tunda paket, persentil ke-95",
            "Delay above the sample's minimum (RFC 5481)",
            "Tunda di atas nilai minimum cuplikan (RFC 5481)",
        ),
    ] = None
    rtd_ipdv_p95_ms: Annotated[
        Milliseconds | None,
        Text(
            "Inter-packet delay variation, 95th percentile",
            "Variasi tunda antarpaket, persentil ke-95",
            "Difference between the delays of neighbouring packets (RFC 3393)",
            "Selisih tunda antara paket yang berurutan (RFC 3393)",
        ),
    ] = None


class Speed(Measurement, frozen=True, kw_only=True, tag="speed"):
    """One active test of how much the line carries, each way (goodput, RFC 2647)."""

    engine: Annotated[
        Literal["http", "ndt7", "iperf3", "speedtest", "speedtest-compat"],
        Text(
            "Engine",
            "Mesin uji",
            "How it was measured; results of different engines are never mixed",
            "Cara pengukuran; hasil mesin uji berbeda tidak pernah dicampur",
            key=True,
        ),
    ]
    server: Annotated[
        Name | None, Text("Server", "Peladen", "Test server measured against", "Peladen uji yang dipakai")
    ] = None
    limited_by: Annotated[
        LimitedBy | None,
        Text(
            "Limited by",
            "Dibatasi oleh",
            "What held the test back: only the line, the device, other traffic, the budget, the server",
            "Apa yang menahan uji: hanya jalur, perangkat, lalu lintas lain, kuota, atau peladen",
        ),
    ] = None
    download_goodput_bps: Annotated[
        BitsPerSecond | None,
        Text(
            "Download goodput",
            "Kecepatan unduh",
            "Payload received per second after ramp-up (RFC 2647)",
            "Muatan diterima per detik setelah masa naik (RFC 2647)",
        ),
    ] = None
    upload_goodput_bps: Annotated[
        BitsPerSecond | None,
        Text(
            "Upload goodput",
            "Kecepatan unggah",
            "Payload acknowledged by the far end per second after ramp-up (RFC 2647)",
            "Muatan yang diakui pihak seberang per detik setelah masa naik (RFC 2647)",
        ),
    ] = None
    download_bytes: Annotated[
        Bytes | None,
        Text(
            "Downloaded",
            "Terunduh",
            "Payload received, ramp-up included",
            "Muatan diterima, termasuk masa naik",
        ),
    ] = None
    upload_bytes: Annotated[
        Bytes | None,
        Text(
            "Uploaded",
            "Terunggah",
            "Payload acknowledged, ramp-up included",
            "Muatan diakui, termasuk masa naik",
        ),
    ] = None
    download_duration_s: Annotated[
        Seconds | None,
        Text(
            "Download duration",
            "Lama unduh",
            "Time that counted, ramp-up left out",
            "Waktu yang dihitung, tanpa masa naik",
        ),
    ] = None
    upload_duration_s: Annotated[
        Seconds | None,
        Text(
            "Upload duration",
            "Lama unggah",
            "Time that counted, ramp-up left out",
            "Waktu yang dihitung, tanpa masa naik",
        ),
    ] = None
    download_discard_s: Annotated[
        Seconds | None,
        Text(
            "Download ramp-up",
            "Masa naik unduh",
            "Time at the start that was left out",
            "Waktu awal yang tidak dihitung",
        ),
    ] = None
    upload_discard_s: Annotated[
        Seconds | None,
        Text(
            "Upload ramp-up",
            "Masa naik unggah",
            "Time at the start that was left out",
            "Waktu awal yang tidak dihitung",
        ),
    ] = None
    download_streams_count: Annotated[
        Count | None,
        Text("Download streams", "Aliran unduh", "Parallel connections", "Sambungan paralel"),
    ] = None
    upload_streams_count: Annotated[
        Count | None,
        Text("Upload streams", "Aliran unggah", "Parallel connections", "Sambungan paralel"),
    ] = None
    idle_rtd_p50_ms: Annotated[
        Milliseconds | None,
        Text(
            "Idle round-trip delay, median",
            "Waktu tunda saat senggang, median",
            "Round-trip delay to the test server before the test",
            "Waktu tunda pulang-pergi ke peladen uji sebelum uji",
        ),
    ] = None
    idle_rtd_p95_ms: Annotated[
        Milliseconds | None,
        Text(
            "Idle round-trip delay, 95th percentile",
            "Waktu tunda saat senggang, persentil ke-95",
            "Round-trip delay to the test server before the test",
            "Waktu tunda pulang-pergi ke peladen uji sebelum uji",
        ),
    ] = None
    loaded_rtd_down_p50_ms: Annotated[
        Milliseconds | None,
        Text(
            "Delay under download load, median",
            "Waktu tunda saat mengunduh, median",
            "Round-trip delay on a connection of its own while the download ran",
            "Waktu tunda pulang-pergi pada sambungan tersendiri selama unduhan",
        ),
    ] = None
    loaded_rtd_down_p95_ms: Annotated[
        Milliseconds | None,
        Text(
            "Delay under download load, 95th percentile",
            "Waktu tunda saat mengunduh, persentil ke-95",
            "Round-trip delay on a connection of its own while the download ran",
            "Waktu tunda pulang-pergi pada sambungan tersendiri selama unduhan",
        ),
    ] = None
    loaded_rtd_up_p50_ms: Annotated[
        Milliseconds | None,
        Text(
            "Delay under upload load, median",
            "Waktu tunda saat mengunggah, median",
            "Round-trip delay on a connection of its own while the upload ran",
            "Waktu tunda pulang-pergi pada sambungan tersendiri selama unggahan",
        ),
    ] = None
    loaded_rtd_up_p95_ms: Annotated[
        Milliseconds | None,
        Text(
            "Delay under upload load, 95th percentile",
            "Waktu tunda saat mengunggah, persentil ke-95",
            "Round-trip delay on a connection of its own while the upload ran",
            "Waktu tunda pulang-pergi pada sambungan tersendiri selama unggahan",
        ),
    ] = None
    download_responsiveness_rpm: Annotated[
        RoundTripsPerMinute | None,
        Text(
            "Responsiveness while downloading",
            "Ketanggapan saat mengunduh",
            "Round trips per minute that the loaded line still allows",
            "Banyaknya pulang-pergi per menit yang masih mungkin saat jalur terbebani",
        ),
    ] = None
    upload_responsiveness_rpm: Annotated[
        RoundTripsPerMinute | None,
        Text(
            "Responsiveness while uploading",
            "Ketanggapan saat mengunggah",
            "Round trips per minute that the loaded line still allows",
            "Banyaknya pulang-pergi per menit yang masih mungkin saat jalur terbebani",
        ),
    ] = None
    download_series_bps: Annotated[
        BitsPerSecondSeries | None,
        Text(
            "Download, second by second",
            "Unduhan, detik demi detik",
            "Goodput of each second from the first request on, ramp-up included",
            "Kecepatan tiap detik sejak permintaan pertama, termasuk masa naik",
        ),
    ] = None
    upload_series_bps: Annotated[
        BitsPerSecondSeries | None,
        Text(
            "Upload, second by second",
            "Unggahan, detik demi detik",
            "Goodput of each second from the first request on, ramp-up included",
            "Kecepatan tiap detik sejak permintaan pertama, termasuk masa naik",
        ),
    ] = None
    download_ended_by: Annotated[
        EndedBy | None,
        Text(
            "Download ended by",
            "Unduhan berakhir karena",
            "Whether its time was up, its rate was stable early, or its bytes were used up",
            "Apakah waktunya habis, lajunya sudah stabil, atau kuotanya habis",
        ),
    ] = None
    upload_ended_by: Annotated[
        EndedBy | None,
        Text(
            "Upload ended by",
            "Unggahan berakhir karena",
            "Whether its time was up, its rate was stable early, or its bytes were used up",
            "Apakah waktunya habis, lajunya sudah stabil, atau kuotanya habis",
        ),
    ] = None
    download_interface_ratio: Annotated[
        AnyRatio | None,
        Text(
            "Interface bytes per downloaded byte",
            "Bita antarmuka per bita unduh",
            "What the interface received, over what the test counted; far from 1 means other traffic ran",
            "Yang diterima antarmuka dibagi yang dihitung uji; jauh dari 1 berarti ada lalu lintas lain",
        ),
    ] = None
    upload_interface_ratio: Annotated[
        AnyRatio | None,
        Text(
            "Interface bytes per uploaded byte",
            "Bita antarmuka per bita unggah",
            "What the interface sent, over what the test counted; far from 1 means other traffic ran",
            "Yang dikirim antarmuka dibagi yang dihitung uji; jauh dari 1 berarti ada lalu lintas lain",
        ),
    ] = None
    interface_ratio_suspect: Annotated[
        bool | None,
        Text(
            "Interface ratio suspect",
            "Rasio antarmuka meragukan",
            "Whether a direction's interface ratio lies outside 0.95 to 1.15",
            "Apakah rasio antarmuka salah satu arah di luar 0,95 sampai 1,15",
        ),
    ] = None
    line_wait_s: Annotated[
        Seconds | None,
        Text(
            "Waited for the line",
            "Menunggu jalur",
            "How long the test waited for other traffic to end before it began",
            "Berapa lama uji menunggu lalu lintas lain selesai sebelum dimulai",
        ),
    ] = None
    limit_detail: Annotated[
        Name | None,
        Text(
            "Limit, in detail",
            "Rincian pembatas",
            "What exactly held the test back",
            "Apa tepatnya yang menahan uji",
        ),
    ] = None


class Dns(Measurement, frozen=True, kw_only=True, tag="dns"):
    """One name resolved, as a user's program would wait for it."""

    resolver: Annotated[
        Name, Text("Resolver", "Resolver", "Resolver asked", "Resolver yang ditanya", key=True)
    ]
    name: Annotated[Name, Text("Name", "Nama", "Name resolved", "Nama yang dicari", key=True)]
    resolve_ms: Annotated[
        Milliseconds | None,
        Text(
            "Resolution time",
            "Waktu pencarian nama",
            "Until the answers for IPv4 and IPv6 had come",
            "Sampai jawaban untuk IPv4 dan IPv6 tiba",
        ),
    ] = None
    answer_count: Annotated[
        Count | None, Text("Answers", "Jawaban", "Addresses in the answer", "Alamat dalam jawaban")
    ] = None
    response_code: Annotated[
        Code | None,
        Text(
            "Response code",
            "Kode jawaban",
            "The resolver's answer code (RFC 1035), where a resolver was asked by name",
            "Kode jawaban resolver (RFC 1035), bila resolver ditanya langsung",
        ),
    ] = None


class Http(Measurement, frozen=True, kw_only=True, tag="http"):
    """One page fetched, phase by phase."""

    page: Annotated[Name, Text("Page", "Halaman", "Page fetched", "Halaman yang diambil", key=True)]
    dns_ms: Annotated[
        Milliseconds | None, Text("Name resolution", "Pencarian nama", "Phase: DNS", "Tahap: DNS")
    ] = None
    connect_ms: Annotated[
        Milliseconds | None, Text("Connect", "Penyambungan", "Phase: TCP connect", "Tahap: sambungan TCP")
    ] = None
    tls_ms: Annotated[
        Milliseconds | None, Text("TLS", "TLS", "Phase: TLS handshake", "Tahap: jabat tangan TLS")
    ] = None
    first_byte_ms: Annotated[
        Milliseconds | None,
        Text(
            "First byte",
            "Bita pertama",
            "Phase: from request to first byte",
            "Tahap: dari permintaan sampai bita pertama",
        ),
    ] = None
    total_ms: Annotated[
        Milliseconds | None, Text("Total", "Total", "All phases together", "Semua tahap bersama")
    ] = None
    body_bytes: Annotated[Bytes | None, Text("Body", "Isi", "Size of the body", "Ukuran isi")] = None
    status_code: Annotated[
        HttpStatus | None, Text("Status", "Status", "HTTP status code", "Kode status HTTP")
    ] = None


class Link(Measurement, frozen=True, kw_only=True, tag="link"):
    """The device's own attachment to the network: what is on this side of the line."""

    interface: Annotated[
        Name,
        Text("Interface", "Antarmuka", "Interface of the default route", "Antarmuka rute utama", key=True),
    ]
    medium: Annotated[
        Literal["wired", "wifi", "mobile", "loopback", "other"] | None,
        Text("Medium", "Media", "How the device is attached", "Cara perangkat tersambung"),
    ] = None
    interface_up: Annotated[
        bool | None,
        Text("Interface up", "Antarmuka aktif", "Whether the interface is up", "Apakah antarmuka aktif"),
    ] = None
    negotiated_bps: Annotated[
        BitsPerSecond | None,
        Text("Negotiated rate", "Laju tersepakati", "Rate of the wired link", "Laju jalur kabel"),
    ] = None
    wifi_signal_dbm: Annotated[
        Dbm | None, Text("Wi-Fi signal", "Sinyal Wi-Fi", "Received signal strength", "Kuat sinyal diterima")
    ] = None
    wifi_rate_bps: Annotated[
        BitsPerSecond | None,
        Text(
            "Wi-Fi rate",
            "Laju Wi-Fi",
            "Rate at which the device last sent to the access point",
            "Laju terakhir perangkat mengirim ke titik akses",
        ),
    ] = None
    gateway_answers: Annotated[
        bool | None,
        Text(
            "Gateway answers",
            "Gerbang menjawab",
            "Whether the gateway answers on the local network",
            "Apakah gerbang menjawab di jaringan lokal",
        ),
    ] = None
    network_fingerprint: Annotated[
        Fingerprint | None,
        Text(
            "Network fingerprint",
            "Sidik jaringan",
            "Hash of the gateway's hardware address: tells whether the device is at its village",
            "Hash alamat perangkat keras gerbang: menunjukkan apakah perangkat berada di desanya",
        ),
    ] = None
    mains_power: Annotated[
        bool | None,
        Text(
            "Mains power",
            "Listrik PLN",
            "Whether the device runs on mains",
            "Apakah memakai listrik jaringan",
        ),
    ] = None


class Device(Measurement, frozen=True, kw_only=True, tag="device"):
    """The health of the device and of the agent on it."""

    agent_version: Annotated[
        Version | None, Text("Agent version", "Versi agen", "Version that runs", "Versi yang berjalan")
    ] = None
    boot_id: Annotated[
        Id | None,
        Text("Boot id", "Id nyala", "Changes each time the device starts", "Berganti tiap perangkat menyala"),
    ] = None
    uptime_s: Annotated[
        Seconds | None, Text("Uptime", "Waktu hidup", "Since the device booted", "Sejak perangkat menyala")
    ] = None
    cpu_ratio: Annotated[
        Ratio | None,
        Text("CPU", "CPU", "Share of the processor in use", "Bagian prosesor yang terpakai"),
    ] = None
    agent_cpu_ratio: Annotated[
        AnyRatio | None,
        Text(
            "Agent's CPU",
            "CPU agen",
            "Share of one core that the agent used",
            "Bagian satu inti yang dipakai agen",
        ),
    ] = None
    memory_used_bytes: Annotated[
        Bytes | None, Text("Memory used", "Memori terpakai", "On the whole device", "Pada seluruh perangkat")
    ] = None
    memory_total_bytes: Annotated[
        Bytes | None, Text("Memory", "Memori", "Of the whole device", "Milik seluruh perangkat")
    ] = None
    agent_rss_bytes: Annotated[
        Bytes | None,
        Text("Agent's memory", "Memori agen", "Resident memory of the agent", "Memori menetap milik agen"),
    ] = None
    temperature_celsius: Annotated[
        Celsius | None, Text("Temperature", "Suhu", "Of the processor", "Suhu prosesor")
    ] = None
    throttled: Annotated[
        bool | None,
        Text(
            "Throttled",
            "Dilambatkan",
            "Whether heat or a weak supply slows the processor down",
            "Apakah panas atau catu daya lemah memperlambat prosesor",
        ),
    ] = None
    throttling_flags_count: Annotated[
        Count | None,
        Text(
            "Throttling flags",
            "Bendera pelambatan",
            "A Raspberry Pi's firmware flags as a number: supply, heat and frequency",
            "Bendera firmware Raspberry Pi sebagai bilangan: catu daya, panas, frekuensi",
        ),
    ] = None
    clock_state: Annotated[
        ClockState | None,
        Text("Clock", "Jam", "Whether the clock is synchronised", "Apakah jam tersinkron"),
    ] = None
    clock_offset_ms: Annotated[
        SignedMilliseconds | None,
        Text(
            "Clock offset",
            "Selisih jam",
            "Device's clock minus the server's, by the best of its recent answers",
            "Jam perangkat dikurangi jam peladen, menurut jawaban terbaik belakangan ini",
        ),
    ] = None
    clock_daemon: Annotated[
        Literal["chrony", "timesyncd", "ntpd", "other", "none"] | None,
        Text(
            "Clock daemon",
            "Layanan jam",
            "What keeps the device's clock right",
            "Layanan yang menjaga jam perangkat",
        ),
    ] = None
    clock_error_ms: Annotated[
        Milliseconds | None,
        Text(
            "Clock error at most",
            "Galat jam paling besar",
            "The bound that the kernel or the clock daemon gives",
            "Batas menurut kernel atau layanan jam",
        ),
    ] = None
    spool_depth_count: Annotated[
        Count | None,
        Text(
            "Waiting measurements",
            "Pengukuran menunggu",
            "Measurements kept until the database has them",
            "Pengukuran yang disimpan sampai basis data memilikinya",
        ),
    ] = None
    spool_bytes: Annotated[
        Bytes | None, Text("Spool size", "Ukuran spool", "Size on disk", "Ukuran di cakram")
    ] = None
    dropped_count: Annotated[
        Count | None,
        Text(
            "Dropped",
            "Dibuang",
            "Measurements dropped because the spool was full, since enrolment",
            "Pengukuran dibuang karena spool penuh, sejak pendaftaran",
        ),
    ] = None
    rejected_count: Annotated[
        Count | None,
        Text(
            "Rejected",
            "Ditolak",
            "Measurements that the collector refused, since enrolment",
            "Pengukuran yang ditolak kolektor, sejak pendaftaran",
        ),
    ] = None
    budget_used_bytes: Annotated[
        Bytes | None,
        Text(
            "Data used",
            "Data terpakai",
            "Bytes that the agent used this month, both ways: tests and the publishing of results",
            "Bita yang dipakai agen bulan ini, dua arah: uji dan pengiriman hasil",
        ),
    ] = None
    budget_bytes: Annotated[
        Bytes | None,
        Text(
            "Data budget",
            "Kuota data",
            "Bytes that the agent may use a month",
            "Bita yang boleh dipakai agen per bulan",
        ),
    ] = None
    budget_state: Annotated[
        Literal["ok", "thinned", "spent"] | None,
        Text(
            "Budget state",
            "Keadaan kuota",
            "Whether all tests run, fewer of them, or none for the rest of the month",
            "Apakah semua uji berjalan, dikurangi, atau dihentikan sampai akhir bulan",
        ),
    ] = None
    remote_config_version_count: Annotated[
        Count | None,
        Text(
            "Remote configuration",
            "Konfigurasi jarak jauh",
            "Version of the signed remote configuration in force; empty when there is none",
            "Versi konfigurasi jarak jauh bertanda tangan yang berlaku; kosong bila tidak ada",
        ),
    ] = None


KINDS: dict[str, type[Measurement]] = {
    "traffic": Traffic,
    "latency": Latency,
    "speed": Speed,
    "dns": Dns,
    "http": Http,
    "link": Link,
    "device": Device,
}
AnyMeasurement = Traffic | Latency | Speed | Dns | Http | Link | Device
