"""Traffic surges: each village against its own past, and against its regency.

Pure mathematics over arrays of villages; no storage, no web. `detector` puts the parts together.
"""
