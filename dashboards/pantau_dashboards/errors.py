"""Everything that can go wrong in the dashboards' commands."""

from __future__ import annotations


class DashboardsError(Exception):
    """Base of these errors; `str()` says what to do."""
