"""Surges of live traffic: from the villages' five-minute rows to the series `surge`, regency by regency."""
