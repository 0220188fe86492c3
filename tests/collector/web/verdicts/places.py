"""The villages of these tests, and what they got."""

AUGUST, SEPTEMBER, OCTOBER = "2026-08", "2026-09", "2026-10"  # the clock stands in November
FAILED = "33.10.26.2008"  # Tegalyoso, Klaten Selatan
PASSED = "33.10.25.2007"  # Jomboran, Klaten Tengah
VILLAGES = {
    FAILED: ("fail", "ISP Merapi"),
    "33.10.26.2007": ("pass", "PT Lawu Net"),
    "33.10.26.2006": ("inconclusive", "ISP Merapi"),
    PASSED: ("pass", "PT Lawu Net"),
    "33.10.25.2009": ("insufficient_data", "ISP Merapi"),
    "51.71.01.1001": ("pass", "PT Agung"),
}
REGISTRY = "device,village,since,provider,technology,latitude,longitude\n" + "".join(
    f"{row}\n"
    for row in (
        f"klaten-1,{FAILED},2026-01-01T00:00:00+07:00,ISP Merapi,fibre,-7.7256,110.6061",
        f"klaten-2,{PASSED},2026-01-01T00:00:00+07:00,PT Lawu Net,satellite,,",
    )
)
