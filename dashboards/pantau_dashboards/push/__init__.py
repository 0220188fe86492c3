"""Bringing what was built into a running Grafana by its API, and telling how it differs."""
