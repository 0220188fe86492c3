"""What has arrived behind a lost segment, and cannot be read before that segment comes again.

On a slow line with short queues such data may wait for seconds: 50 kB at the edge of the time that counts was
1% of a download at 5 Mbit/s. (Of an upload the far end tells it: `tcp_info.TcpInfo.sacked_bytes`.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantau_agent.probes import tcp_info

if TYPE_CHECKING:
    import socket

_MOST_BYTES = 256 * 1024
"""As much as was seen at 10 Mbit/s. On faster lines a gap does not matter, but segments that came twice, or
are of very different sizes (loopback), would add up."""


class Gap:
    """Looks at one receiving connection, best some times a second from its beginning.

    The kernel counts all segments that came, and the octets up to the first gap. What lies behind the gap is
    the rest of the segments, at the mean size that they had where there was none. Where the kernel does not
    count (not Linux, or before 5.4) it is 0.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._segment_bytes = 0.0

    def bytes_behind(self) -> int:
        """Return the octets behind the gap at this moment, 0 without a gap."""
        info = tcp_info.read(self._socket)
        if info is None or not info.data_segments_in:
            return 0
        # A gap makes the mean too small, a segment that came twice as well: so the largest is the best.
        self._segment_bytes = max(self._segment_bytes, info.bytes_received / info.data_segments_in)
        arrived_bytes = info.data_segments_in * self._segment_bytes
        out_of_order_bytes = info.out_of_order_segments_in * self._segment_bytes
        behind_bytes = min(arrived_bytes - info.bytes_received, out_of_order_bytes, _MOST_BYTES)
        return max(round(behind_bytes), 0)
