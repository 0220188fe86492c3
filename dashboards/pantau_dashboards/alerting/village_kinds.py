"""Alerts on villages and their devices."""

from __future__ import annotations

from pantau_collector.storage.series import AREA_TAGS, DEVICE_TAGS
from pantau_dashboards.alerting import bounds
from pantau_dashboards.alerting.kind import DAY_S, HOUR_S, MINUTE_S, Kind, Measure, village_measure
from pantau_wire.vocabulary import Text


def _speed(direction: str, title: Text, what: Text) -> Kind:
    return Kind(
        name=direction,
        scope="regency",
        severity="ticket",
        title=title,
        what=what,
        strength=Text("median {value} of the contract", "median {value} dari kontrak"),
        shown=("reached", "percent"),
        measures=(
            village_measure("rate", f'median("{direction}_goodput_bps")', DAY_S),
            village_measure("contract", f'last("contracted_{direction}_bps")', DAY_S),
            village_measure("tests", 'sum("counted_test_count")', DAY_S),
        ),
        computed=(("reached", "$rate / $contract"),),
        condition=f"$reached < {bounds.SPEED_RATIO} && $tests >= {bounds.SPEED_TESTS_COUNT}",
        interval_s=15 * MINUTE_S,
    )


VILLAGE_KINDS: tuple[Kind, ...] = (
    Kind(
        name="village_silent",
        scope="regency",
        severity="ticket",
        title=Text("Village silent", "Desa diam"),
        what=Text(
            "No device of the village reports: no power, no connection, or all switched off.",
            "Tidak ada perangkat desa yang melapor: listrik padam, sambungan putus, atau semua dimatikan.",
        ),
        strength=Text("silent for {value} minutes", "diam selama {value} menit"),
        shown=("silent", "count"),
        measures=(Measure("silent", "village_silence", 'last("silent_minutes")', AREA_TAGS),),
        condition=f"$silent > {bounds.SILENT_MINUTES}",
    ),
    Kind(
        name="link_down",
        scope="regency",
        severity="page",
        title=Text("Village link down", "Sambungan desa putus"),
        what=Text(
            "Devices work, but nothing beyond their gateway answers: the provider's link is down, or was "
            "within the last hour.",
            "Perangkat menyala, tetapi di luar gerbangnya tidak ada yang menjawab: jaringan penyedia putus, "
            "atau sempat putus dalam satu jam terakhir.",
        ),
        strength=Text("{value} minutes of the last hour", "{value} menit dalam satu jam terakhir"),
        shown=("down", "count"),
        measures=(village_measure("down", 'sum("link_down_minute_count")', HOUR_S),),
        condition=f"$down > {bounds.LONG_OUTAGE_MINUTES}",
    ),
    Kind(
        name="delay",
        scope="regency",
        severity="ticket",
        title=Text("Delay too long", "Waktu tunda terlalu lama"),
        what=Text(
            "The round-trip delay to the testpoint is above the SLA's bound.",
            "Waktu tunda pulang-pergi ke titik uji melewati batas SLA.",
        ),
        strength=Text("{value} ms over half an hour", "{value} ms selama setengah jam"),
        shown=("delay", "count"),
        measures=(village_measure("delay", 'mean("rtd_p50_ms")'),),
        condition="$delay > {delay_ms}",
        wait_s=10 * MINUTE_S,
    ),
    Kind(
        name="loss",
        scope="regency",
        severity="ticket",
        title=Text("Packets lost", "Paket hilang"),
        what=Text(
            "More packets to the testpoint stay unanswered than the SLA allows.",
            "Paket ke titik uji yang tidak terjawab melebihi batas SLA.",
        ),
        strength=Text("{value} lost within an hour", "{value} hilang dalam satu jam"),
        shown=("loss", "percent"),
        measures=(
            village_measure("sent", 'sum("sent_count")', HOUR_S),
            village_measure("received", 'sum("received_count")', HOUR_S),
        ),
        computed=(("loss", "1 - $received / $sent"),),
        condition=f"$loss > {bounds.LOSS_RATIO} && $received > 0",
        wait_s=10 * MINUTE_S,
    ),
    _speed(
        "download",
        Text("Download below the contract", "Unduhan di bawah kontrak"),
        Text(
            "For a day, half of the counted tests or more stayed below 80% of the contracted download rate.",
            "Selama sehari, separuh atau lebih uji yang dihitung berada di bawah 80% laju unduh kontrak.",
        ),
    ),
    _speed(
        "upload",
        Text("Upload below the contract", "Unggahan di bawah kontrak"),
        Text(
            "For a day, half of the counted tests or more stayed below 80% of the contracted upload rate.",
            "Selama sehari, separuh atau lebih uji yang dihitung berada di bawah 80% laju unggah kontrak.",
        ),
    ),
    Kind(
        name="clock",
        scope="regency",
        severity="ticket",
        title=Text("Device clock wrong", "Jam perangkat salah"),
        what=Text(
            "The device's clock is more than a second off: check NTP and the clock's battery.",
            "Jam perangkat meleset lebih dari satu detik: periksa NTP dan baterai jam.",
        ),
        strength=Text("off by {value} ms", "meleset {value} ms"),
        shown=("offset", "count"),
        measures=(Measure("offset", "device_5m", 'last("p50_clock_offset_ms")', DEVICE_TAGS),),
        condition=f"abs($offset) > {bounds.CLOCK_OFFSET_MS}",
        wait_s=30 * MINUTE_S,
    ),
)
