"""How much the line carries, each way: active tests of download and upload goodput (RFC 2647).

target      what to test, and by which engine
engine      what every engine is; engines: all of them by name
http/       ours: several connections against LibreSpeed's dialect; ndt7/: ours, one flow as M-Lab wants it
iperf3/     the program; speedtest/: speedtest.net's servers; child: programs that run beside us
run         one test from beginning to end, the same for every engine
plans       how long and how much each direction may take; patience: waiting for a busy server
line        whether others use the line, and waiting for them; idle: the delay before the load
direction   one direction under load; load: drives all its streams and takes the samples
streams     how many connections a path needs
goodput     from samples to figures, pure; responsiveness: round trips a minute
limits      what held a test back, pure; result: from the parts of a test to the measurement
account     interface counters, and what our own test puts on the line
transport/  connections, HTTP/1.1, round trips
"""

from pantau_agent.probes.speed.probe import speed
from pantau_agent.probes.speed.target import SpeedTarget

__all__ = ["SpeedTarget", "speed"]
