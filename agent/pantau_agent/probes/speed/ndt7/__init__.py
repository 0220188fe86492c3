"""The engine `ndt7`: one connection, as Measurement Lab's servers speak it (ndt7 protocol, v0.11).

url         what the configuration names, taken apart
handshake   the upgrade to WebSocket
frames      WebSocket frames, both ways; measurement: what a server says it counted
channel     one connection after its upgrade; download, upload: the load each way
engine      the test
"""
