"""The SLA of a village, month by month: from a month's day rows to figures and a verdict."""

# Stands in every verdict. Change it with any change of what a verdict rests on, and keep docs/sla.md true.
RULES_VERSION = "1"
