"""`sla networks`: the networks that devices reported, to be written into the registry as their own."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

from pantau_collector.i18n import marked as _
from pantau_collector.registry.file import RegistryFile
from pantau_collector.sla_cli.common import command, opened, table, tell

if TYPE_CHECKING:
    import argparse

    from pantau_collector.sla_cli.common import Parsers
    from pantau_collector.storage.base import Store

_DAY_NS = 86_400 * 10**9

NONE = _("no device of {village} reported a network in the last {days} days")
COLUMNS = ("device", "network", "share", "minutes", "registered")
HINT = _(
    "Write the village's own network into the registry's column 'network': registry add … --network"
    " FINGERPRINT. From then on minutes in any other network are off site."
)


def add_arguments(commands: Parsers) -> None:
    """Add `networks`."""
    about = "show in which networks a village's devices were, to declare its own in the registry"
    parser = command(commands, "networks", about, _networks)
    parser.add_argument("village", help="code of the village, such as 33.10.25.2007")
    parser.add_argument("--days", type=int, default=7, metavar="N", help="look back so many days")


def _networks(arguments: argparse.Namespace) -> int:
    now_ns = time.time_ns()
    with opened(arguments) as (config, store):
        placements = RegistryFile(config.registry.path).get().devices_of(arguments.village, now_ns)
        rows = []
        for placement in placements:
            found = _reported(store, placement.device, now_ns - arguments.days * _DAY_NS)
            for network, count in found.most_common():
                share = f"{count / found.total():.1%}"
                known = "yes" if network in placement.networks else "no"
                rows.append((placement.device, network, share, str(count), known))
    if not rows:
        tell(arguments, NONE, village=arguments.village, days=arguments.days)
        return 1
    table([COLUMNS, *rows])
    tell(arguments, HINT)
    return 0


def _reported(store: Store, device: str, since_ns: int) -> Counter[str]:
    points = store.points("link", device, since_ns=since_ns)
    found = (one.values["network_fingerprint"] for one in points)
    return Counter(str(network) for network in found if network)
