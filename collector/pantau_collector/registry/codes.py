"""What a village's code says of itself: the areas that it lies in."""

from __future__ import annotations

REGENCY_LENGTH = 5


def area_tags(village: str) -> tuple[str, str, str, str]:
    """Return the tags village, district, regency, province."""
    return village, village[:8], village[:REGENCY_LENGTH], village[:2]
