"""One retained message to the broker, as the operator's own client."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from pantau_collector import mqtt
from pantau_wire import codec

if TYPE_CHECKING:
    from pantau_wire.remote import ConfigMessage

_CLIENT_SUFFIX = "-config"


async def publish(options: mqtt.ConnectOptions, topic: str, message: ConfigMessage) -> None:
    """Return when the broker has it; raises `BrokerError`.

    The client id is not the running collector's: a broker ends the older of two clients with one id.
    """
    own = replace(options, client_id=options.client_id + _CLIENT_SUFFIX)
    connection = await mqtt.connect(own, lambda _: None)
    try:
        await connection.retain(topic, msgspec.json.encode(message), codec.JSON)
    finally:
        connection.close()
        await connection.lost
