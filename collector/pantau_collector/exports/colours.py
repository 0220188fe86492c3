"""Colours of what is taken away, as `#RRGGBB`: the same in Excel files and PDF."""

from __future__ import annotations

INK = "#0B5563"
VERDICTS = {"fail": "#F8D7DA", "insufficient_data": "#E2E3E5", "inconclusive": "#FFF3CD", "pass": "#D1E7DD"}
"""What a verdict's cell is filled with."""
