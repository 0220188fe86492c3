"""Publishes what the spool holds until the collector has answered for each record."""
