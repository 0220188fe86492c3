"""What engines of ours stand on: connections, HTTP/1.1 heads and bodies, round trips.

server        the URL, resolved
connection    a non-blocking TCP or TLS connection; discard: throwing received octets away cheaply
http1         request and response heads; bodies: where a response's payload begins and ends
gap           what has arrived behind a lost segment
pinger        round trips on a connection of its own, before and during the load
"""
