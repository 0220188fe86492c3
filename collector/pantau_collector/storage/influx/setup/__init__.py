"""Prepares a server for Pantau: databases or buckets, how long they keep, users or tokens."""
