"""What speed and latency probes talk to: HTTP speed endpoints and a STAMP reflector.

`speed` speaks the LibreSpeed dialect over HTTP/1.1, `stamp` reflects UDP test packets (RFC 8762),
`service` runs both in one process, `cli` starts it.
"""
