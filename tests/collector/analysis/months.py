"""Random months of villages, as the object that the JSON input holds: all that happens in the field, often.

Data is dense at the month's borders and thin in between, so that a month costs little; thresholds are drawn
so that every verdict comes out.
"""

import datetime as dt
import random
from typing import Any

OFFSETS_H = {"Asia/Jakarta": 7, "Asia/Makassar": 8, "Asia/Jayapura": 9}
EVIDENCE = ("answered", "unanswered", "local_fault", "off_site")
MONTHS = ("2026-08", "2026-12", "2027-01", "2027-02", "2028-02", "2028-03", "2026-11", "2000-02")


def document(seed: int) -> dict[str, Any]:
    """Return a random month."""
    rng = random.Random(seed)
    timezone = rng.choice(list(OFFSETS_H))
    month = rng.choice(MONTHS)
    begin_s, end_s = span_s(month, timezone)
    moments = [begin_s, end_s - 60, *(rng.randrange(begin_s, end_s) // 60 * 60 for _ in range(2))]
    moments += [begin_s + rng.randrange(1, 28) * 86_400]  # a local midnight
    devices = [_device(rng, number, moments) for number in range(rng.choice((0, 1, 1, 1, 2, 3)))]
    found = {
        "month": month,
        "timezone": timezone,
        "profile": _profiles(rng, month),
        "devices": devices,
        "speed_tests": _tests(rng, begin_s, end_s),
        "maintenance": [_window(rng, moments) for _ in range(rng.choice((0, 1, 2, 6)))],
    }
    if rng.random() < 0.3:
        from_s = rng.choice(moments) + rng.randrange(-6000, 6000)
        found["target_faults"] = [[from_s, from_s + rng.randrange(60, 9000)]]
    return found


def span_s(month: str, timezone: str) -> tuple[int, int]:
    """Return when a local month begins and ends, in s since 1970."""
    zone = dt.timezone(dt.timedelta(hours=OFFSETS_H[timezone]))
    year, number = map(int, month.split("-"))
    begin = dt.datetime(year, number, 1, tzinfo=zone)
    end = dt.datetime(year + number // 12, number % 12 + 1, 1, tzinfo=zone)
    return int(begin.timestamp()), int(end.timestamp())


def _profiles(rng: random.Random, month: str) -> Any:
    first = _profile(rng)
    if rng.random() < 0.6:
        return first
    later = _profile(rng) | {"since": f"{month}-{rng.randrange(1, 29):02}"}
    profiles = [first | {"since": "2000-01-01"}, later]
    return rng.sample(profiles, 2)


def _profile(rng: random.Random) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": rng.choice(("default", "kantor", "satelit", "desa")),
        "contracted_download_bps": rng.choice((20_000_000, 10_000_000, None)),
        "contracted_upload_bps": 10_000_000,
        "coverage_min_ratio": rng.choice((0.001, 0.001, 0.01, 0.9)),
        "speed_tests_min_count": rng.choice((1, 10, 20, 60)),
    }
    choices = {
        "availability_target_ratio": (0.5, 0.8, 0.9, 0.99),
        "long_outage_above_s": (0, 299, 300, 600),
        "short_outages_allowed_minutes": (0, 5, 60),
        "maintenance_notice_s": (3600, 172_800),
        "maintenance_max_minutes": (0, 30, 600),
        "speed_days_min_count": (1, 5),
        "speed_share_ratio": (0.5, 0.7, 0.9),
        "speed_rate_ratio": (0.5, 1.0),
        "busy_days": ("working",),
        "holidays": ([f"{month}-17" for month in MONTHS],),
        "latency_max_ms": (5, 40, 99, 250),
        "latency_share_ratio": (0.3, 0.6),
        "variation_max_ms": (3, 20),
        "variation_share_ratio": (0.3, 0.6),
        "loss_max_ratio": (0.0, 0.05, 0.2),
    }
    for key, values in choices.items():
        if rng.random() < 0.4:
            found[key] = rng.choice(values)
    if rng.random() < 0.3:
        found |= {"busy_from": rng.choice(("00:00", "06:30")), "busy_to": rng.choice(("12:15", "24:00"))}
    return found


def _device(rng: random.Random, number: int, moments: list[int]) -> dict[str, Any]:
    samples: list[list[Any]] = []
    steady = rng.random() < 0.2  # sees the whole month, and loses little
    life = _Life(rng, steady)
    for moment in sorted(moments):
        if steady or rng.random() < 0.8:
            samples += life.lived(moment + rng.randrange(-200, 1) * 60, rng.randrange(201, 300))
    samples = _as_it_arrives(rng, samples)
    found: dict[str, Any] = {"id": f"desa-{number}", "samples": samples}
    if rng.random() < 0.3:
        moved_s = rng.choice(moments) + rng.randrange(-3600, 3600)
        found["placed"] = rng.choice(([[moved_s, None]], [[946_700_000, moved_s]], []))
    return found


class _Life:
    """A device that measures, loses power and records, is restarted, and sometimes skips a minute."""

    def __init__(self, rng: random.Random, steady: bool) -> None:
        self.rng = rng
        self.steady = steady
        self.seq = rng.randrange(1, 1000)
        self.boot = 0
        self.boot_s: float = 0
        self.now_s = 0

    def lived(self, from_s: int, minutes: int) -> list[list[Any]]:
        """Return the samples of some minutes, from a moment on or since the last one."""
        rng = self.rng
        begin_s = max(from_s, self.now_s + 60)
        if not self.boot or self.steady or rng.random() < 0.7:
            self._reboot(begin_s)
        if not self.steady and rng.random() < 0.8:
            self.seq += 5  # what came between is lost
        self.now_s, end_s = begin_s, begin_s + minutes * 60
        evidence, samples = "answered", []
        while self.now_s < end_s:
            if rng.random() < (0.03 if self.steady else 0.12):
                evidence = rng.choice((*EVIDENCE, *("answered", "unanswered") * (1 if self.steady else 3)))
                evidence = "answered" if self.steady and rng.random() < 0.7 else evidence
            samples.append(self._sample(evidence))
            self._interruption()
        return samples

    def _reboot(self, sample_s: int) -> None:
        self.boot += 1
        self.boot_s = sample_s - self.rng.choice((0, 1, 30, 59, 60, 61, 200, 70 if self.steady else 3000.5))

    def _sample(self, evidence: str) -> list[Any]:
        rng = self.rng
        count = rng.randrange(1, 5)
        sent = rng.choice((0, 20, 20, 20))
        received = sent - rng.choice((*[0] * 60, 1, sent)) if sent and evidence == "answered" else 0
        delay = rng.choice((4.0, 5.0, 39.9, 40.0, 40.1, 100.0, 100.5, 6000.0, 700.0)) if received else None
        variation = rng.choice((0.0, 3.0, 19.5, 20.0, 50.0, 51.0)) if received > 1 else None
        row = [self.now_s, self.seq, self.seq + count - 1, f"boot-{self.boot}"]
        self.seq += count
        return [*row, self.now_s - self.boot_s, evidence, sent, received, delay, variation]

    def _interruption(self) -> None:
        """Go on to the next minute or a later one: with a restart, with lost records, or neither."""
        rng = self.rng
        kind = rng.random() * (5 if self.steady else 1)
        pause_minutes = rng.choice((1, 2, 3, 4, 30)) if kind < 0.10 else 0
        self.now_s += 60 * (1 + pause_minutes)
        if kind < 0.05:
            self._reboot(self.now_s)
        if not self.steady and (0.04 < kind < 0.06 or 0.2 < kind < 0.21):
            self.seq += rng.randrange(1, 9)
        if 0.3 < kind < 0.31:  # the other sample of the same minute is of the next boot
            self.now_s -= 60
            self.boot += 1
            self.boot_s = self.now_s - 1


def _as_it_arrives(rng: random.Random, samples: list[list[Any]]) -> list[list[Any]]:
    """Return the samples late, repeated, and in some other order."""
    if rng.random() < 0.5:
        return samples
    again = [list(row) for row in samples if rng.random() < 0.05]
    return rng.sample([*samples, *again], len(samples) + len(again))


def _tests(rng: random.Random, begin_s: int, end_s: int) -> list[list[Any]]:
    quality = rng.choice((0.3, 0.8, 0.97))
    found = []
    for _ in range(rng.choice((0, 10, 60, 150))):
        good = rng.random() < quality
        rate = 20_000_000 * (rng.choice((0.8, 0.9, 1)) if good else rng.choice((0.1, 0.39999, 0.79999)))
        upload = None if rng.random() < 0.1 else rate / 2
        time_s = rng.randrange(begin_s - 86_400, end_s + 86_400)
        found.append([time_s, rate, upload, rng.random() < 0.9])
    return found


def _window(rng: random.Random, moments: list[int]) -> list[Any]:
    from_s = rng.choice(moments) + rng.randrange(-200, 200) * 60 + rng.choice((0, 0, 30))
    announced = rng.choice((None, 0, 86_399, 86_400, 200_000))
    return [from_s, from_s + rng.randrange(1, 300) * 60, None if announced is None else from_s - announced]
