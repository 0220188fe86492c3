"""What a village's code says of itself: the areas that it lies in."""

from __future__ import annotations

PROVINCE_LENGTH, REGENCY_LENGTH, DISTRICT_LENGTH, VILLAGE_LENGTH = 2, 5, 8, 13
"""In characters; each code begins with that of the area around it."""


def area_tags(village: str) -> tuple[str, str, str, str]:
    """Return the tags village, district, regency, province."""
    return village, village[:DISTRICT_LENGTH], village[:REGENCY_LENGTH], village[:PROVINCE_LENGTH]
