"""Grafana dashboards, data sources and alert rules as code: `pantau-dashboards`.

Everything is made from the tables that the store is made from (`pantau_wire`, and the collector's table of
derived series), and written as files that Grafana 11 to 13 reads.
"""
