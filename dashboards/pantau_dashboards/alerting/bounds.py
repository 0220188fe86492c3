"""What is out of bounds: the numbers that alert rules compare with.

Those of service quality are the SLA profile's (docs/sla.md), those of surges the detector's (docs/surge.md);
the others are ours.
"""

from __future__ import annotations

SURGE_SCORE = 3.5
SLOW_SURGE_CUSUM = 6.0
UTILIZATION_RATIO = 0.7

DELAY_MS = 100.0
SATELLITE_DELAY_MS = 700.0
SATELLITE_PROFILE = "satelit"
LOSS_RATIO = 0.01
SPEED_RATIO = 0.8
SPEED_TESTS_COUNT = 3
"""Fewer tests in a day say nothing about the day."""

SILENT_MINUTES = 60.0
LONG_OUTAGE_MINUTES = 5.0
"""An outage is long when it lasts more than 300 s."""

LAG_S = 300.0
"""Agents commit once a minute: half of what arrives being older than this is a jam or a backlog."""
DISCONNECTED_MINUTES = 3.0
CLOCK_OFFSET_MS = 1000.0
REVOCATION_LIST_LEFT_S = 14 * 86_400.0
"""It is signed anew with 30 days left: what comes so near its end has failed to be for two weeks."""
