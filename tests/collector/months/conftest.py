"""The stores of the conformance suite: months are judged and read alike on all of them."""

from tests.collector.storage.conftest import influx, reopen, store

__all__ = ["influx", "reopen", "store"]
