"""The HTTP endpoints that speed probes talk to, in the dialect of LibreSpeed's backend."""
