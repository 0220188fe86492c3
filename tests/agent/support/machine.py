"""A machine whose clock can be wrong in every way a village knows, while the test knows the true time."""

from __future__ import annotations

from pantau_agent.clock import Stamp

S = 1_000_000_000
START_NS = 1_790_000_000 * S  # September 2026
EPOCH_1970_NS = 17 * S  # what a Pi without a battery reads some seconds after it was switched on


class Machine:
    """True time passes in `run`; the wall clock is off by what it was set to, and the crystal drifts."""

    def __init__(self, wall_ns: int = START_NS, state: str = "synced", drift_ppm: int = 0) -> None:
        self.true_ns = START_NS
        self.drift_ppm = drift_ppm
        self.error_ns = 0
        self._boots = 0
        self.reboot(wall_ns, state, off_s=0)

    def reboot(self, wall_ns: int, state: str = "unsynced", off_s: float = 20) -> None:
        """Begin a boot, with what the wall clock then shows."""
        self._boots += 1
        self.true_ns += int(off_s * S)
        self.boot = f"boot-{self._boots}"
        self.uptime_ns = 0
        self.set(wall_ns, state)

    def run(self, seconds: float) -> None:
        """Let true time pass."""
        passed_ns = int(seconds * S)
        drift_ppm = 0 if self.state == "synced" else self.drift_ppm  # NTP keeps the crystal's rate right
        self.true_ns += passed_ns
        self.uptime_ns += passed_ns + passed_ns * drift_ppm // 1_000_000

    def set(self, wall_ns: int, state: str) -> None:
        """Step the wall clock, as NTP or a person does."""
        self._wall_at_boot_ns = wall_ns - self.uptime_ns
        self.state = state

    def synchronise(self, off_by_ns: int = 0) -> None:
        """Step the clock to the truth, as NTP does; it may be off by so much, and says so."""
        self.error_ns = abs(off_by_ns)
        self.set(self.true_ns + off_by_ns, "synced")

    def read(self) -> Stamp:
        """Return a reading, as `clock.now` does."""
        wall_ns = self._wall_at_boot_ns + self.uptime_ns
        error_ns = self.error_ns if self.state == "synced" else 0
        return Stamp(wall_ns, self.uptime_ns, self.boot, self.state, error_ns)
