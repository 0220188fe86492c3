"""Whether everything arrived: what the spool committed against what the store has."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

from pantau_demo import stack as parts
from pantau_demo.programs import program
from pantau_wire import ranges

if TYPE_CHECKING:
    from pantau_demo.stack import Stack

WANTED_KINDS = ("speed", "latency", "traffic")


def gather(stack: Stack) -> dict[str, Any]:
    """Return the demo's account: counts of measurements, and the newest good one of each wanted kind.

    `published` is what the agent's spool committed, `stored` how many of these the store has, `acked`
    how many the agent let go because the collector said that they are stored.
    """
    spool = _spool(stack)
    device = parts.ask_portal(stack, f"api/v1/devices/{stack.device}") or {}
    stored = _stored(device, spool["spool_id"])
    committed = [(1, spool["last_seq"])] if spool["last_seq"] else []
    return {
        "published": spool["last_seq"],
        "stored": ranges.count(stored),
        "acked": spool["stored_count"],
        "dead_letters": _dead_letters(stack),
        "pending": spool["depth_count"],
        "dropped": spool["dropped_count"],
        "missing": ranges.subtract(committed, stored),
        "device": stack.device,
        "counts": device.get("counts", {}),
        **{kind: _newest_good(stack, kind) for kind in WANTED_KINDS},
    }


def complaints(account: dict[str, Any]) -> list[str]:
    """Return what is wrong with an account, nothing when everything went through the whole chain."""
    found = []
    if account["missing"] or account["stored"] != account["published"]:
        found.append(f"{account['published']} measurements were committed, {account['stored']} are stored")
    if account["acked"] != account["published"]:
        found.append(f"{account['published']} measurements were committed, {account['acked']} acknowledged")
    if account["dead_letters"]:
        found.append(f"{account['dead_letters']} dead letters")
    found += [f"no {kind} measurement succeeded" for kind in WANTED_KINDS if account[kind] is None]
    return found


def _spool(stack: Stack) -> dict[str, Any]:
    command = [program("pantau-agent"), "--config", str(stack.agent_config), "spool"]
    output = subprocess.run(command, capture_output=True, check=True).stdout
    found: dict[str, Any] = json.loads(output)
    return found


def _stored(device: dict[str, Any], spool_id: str) -> list[ranges.Range]:
    return [
        (first, last)
        for spool in device.get("spools", ())
        if spool["spool"] == spool_id
        for first, last in spool["stored"]
    ]


def _dead_letters(stack: Stack) -> int:
    command = [program("pantau-collector"), "--config", str(stack.collector_config)]
    output = subprocess.run([*command, "dead-letters", "list", "--json"], capture_output=True, check=True)
    return len(output.stdout.splitlines())


def _newest_good(stack: Stack, kind: str) -> dict[str, Any] | None:
    path = f"api/v1/devices/{stack.device}/points/{kind}?limit=1000"
    answer = parts.ask_portal(stack, path) or {"points": ()}
    good = [point for point in answer["points"] if point["values"]["failure"] is None]
    if not good:
        return None
    values = {name: value for name, value in good[-1]["values"].items() if value is not None}
    return {"count": len(answer["points"]), "time_ns": good[-1]["time_ns"], "seq": good[-1]["seq"], **values}
