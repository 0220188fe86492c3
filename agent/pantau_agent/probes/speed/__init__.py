"""How much the line carries, each way: active tests of download and upload goodput (RFC 2647).

target    what to test, and the engines by name
engine    the engine `http`: orchestrates one test in a thread of its own
server    the URL, resolved, and the dialect's paths
http1     request and response heads; bodies: where a response's payload begins and ends
connection, discard   a non-blocking TCP or TLS connection; throwing received octets away cheaply
load      drives all streams of a direction and takes the samples; download, upload: one stream of each
goodput   from samples to figures, pure
pinger    round trips on a connection of its own, before and during the load
account   interface counters, and what our own test puts on the line
result    from the parts of a test to the measurement
"""

from pantau_agent.probes.speed.probe import speed
from pantau_agent.probes.speed.target import SpeedTarget

__all__ = ["SpeedTarget", "speed"]
