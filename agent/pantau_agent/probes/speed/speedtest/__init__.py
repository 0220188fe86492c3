"""The engines `speedtest` and `speedtest-compat`: speedtest.net's servers, found by speedtest-cli 2.1.3.

helper    its library at work, in a process of its own
library   starting the helper, and what its answers mean
finding   the server; engine: our http engine's load against it
compat    the library's own figures
"""
