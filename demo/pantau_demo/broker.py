"""The broker of the demo: rumqttd out of the `iotcore` wheel, or Mosquitto where it is asked for.

Neither keeps anything on disk. That loses nothing: the agent lets go of a measurement only when the
collector says that the database has it.

`python -m pantau_demo.broker FILE` runs the embedded one in this process.
"""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

from pantau_demo.errors import DemoError

if TYPE_CHECKING:
    from pathlib import Path

_EMBEDDED = """\
id = 0

[router]
id = 0
max_connections = 1000
max_outgoing_packet_count = 500
max_segment_size = 10485760
max_segment_count = 4

[v5.1]
name = "v5"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1

[v5.1.connections]
connection_timeout_ms = 20000
max_payload_size = 300000
max_inflight_count = 500
dynamic_filters = true
"""
_MOSQUITTO = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence false
max_queued_messages 0
max_queued_bytes 67108864
"""


def command(kind: str, port: int, state: Path) -> list[str]:
    """Write the broker's configuration and return the command that starts it; raises `DemoError`."""
    if kind == "embedded":
        file = state / "broker.toml"
        file.write_text(_EMBEDDED.format(port=port), encoding="utf-8")
        return [sys.executable, "-m", "pantau_demo.broker", str(file)]
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        raise DemoError(
            "Mosquitto is not installed; install it with 'apt-get install mosquitto', or leave out --broker"
        )
    file = state / "mosquitto.conf"
    file.write_text(_MOSQUITTO.format(port=port), encoding="utf-8")
    return [program, "-c", str(file)]


def main() -> None:
    """Run the embedded broker until killed."""
    import logging  # noqa: PLC0415 - only the broker's own process needs these

    from iotcore import IotCoreBroker  # noqa: PLC0415

    # rumqttd reports each packet as an error; what matters shows in the logs of both its clients.
    logging.getLogger("rumqttd").setLevel(logging.CRITICAL)
    IotCoreBroker(config_path=sys.argv[1]).run_forever()


if __name__ == "__main__":
    main()
