"""`pantau-demo fleet`: virtual devices over MQTT, or their history into files or a store."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pantau_demo.errors import DemoError
from pantau_demo.fleet import arguments as words
from pantau_demo.fleet import recipe as recipes
from pantau_demo.fleet import surges
from pantau_demo.fleet.cadence import CADENCES
from pantau_demo.fleet.history import profiles
from pantau_demo.fleet.history.making import Import, make
from pantau_demo.fleet.history.writing import Plan
from pantau_demo.fleet.misbehaviour import UNREGISTERED, culprits
from pantau_demo.fleet.population import registry_csv
from pantau_demo.fleet.recipe import Recipe
from pantau_demo.fleet.stream.running import Options, Stream, relax_garbage_collection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pantau_demo.fleet.life import Life
    from pantau_demo.fleet.misbehaviour import Culprit

_DAY = 1440
_ABOUT = (
    "Virtual devices in real villages, speaking to a broker as agents do. Many of them share a connection, so"
    " the broker must not tie a connection to one device: a plain Mosquitto on loopback."
)


def main(argv: list[str]) -> int:
    """Do what was asked; return 0, 1 where records were not stored, 2 on wrong use."""
    arguments = _parser().parse_args(argv)
    try:
        return _history(arguments) if arguments.history else _stream(arguments)
    except DemoError as error:
        say(f"pantau-demo fleet: {error}")
        return 2


def say(text: str) -> None:
    """Write a line for the person at the terminal."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pantau-demo fleet", description=_ABOUT)
    who = parser.add_argument_group("who they are")
    who.add_argument("--area", default="", help="code or name, such as 33.10 or klaten (default: the nation)")
    who.add_argument(
        "--devices",
        type=words.devices,
        metavar="N",
        help="so many over all villages (default: 1 to 3 in each)",
    )
    who.add_argument("--seed", type=int, default=1, help="another seed, other lives (default: 1)")
    who.add_argument(
        "--cadence", choices=tuple(CADENCES), default="standard", help="what they measure how often"
    )
    who.add_argument(
        "--surge", action="append", default=[], metavar="TEXT", help=f"such as {surges.EXAMPLE}; repeat"
    )
    who.add_argument(
        "--hostile", type=words.count, default=0, metavar="N", help="so many more that are faulty or hostile"
    )
    who.add_argument(
        "--registry", type=Path, metavar="FILE", help="write their registry there, for the collector"
    )
    who.add_argument(
        "--profiles", type=Path, metavar="FILE", help="write the SLA profiles of their lines there"
    )
    live = parser.add_argument_group("live")
    live.add_argument(
        "--broker", type=words.address, default=("127.0.0.1", 1883), metavar="HOST:PORT", help="MQTT 5 broker"
    )
    live.add_argument(
        "--rate",
        type=words.rate,
        default=1.0,
        metavar="Nx",
        help="their time runs N times faster, from the past up to now",
    )
    live.add_argument("--duration", type=words.seconds, metavar="S", help="stop after so many seconds")
    live.add_argument("--json", action="store_true", help="print the account as one JSON object")
    live.add_argument("--account", type=Path, metavar="FILE", help="write the account there")
    live.add_argument(
        "--resume", type=Path, metavar="FILE", help="go on where a history ended (its fleet.json)"
    )
    live.add_argument("--no-message-expiry", action="store_true", help="for brokers that cannot (rumqttd)")
    past = parser.add_argument_group("history")
    past.add_argument(
        "--history", type=words.days, metavar="60d", help="write so many days instead, and stop"
    )
    past.add_argument(
        "--fine",
        type=words.days,
        default=2,
        metavar="2d",
        help="five-minute rollups of the last days (default: 2d)",
    )
    past.add_argument(
        "--raw", type=words.days, default=1, metavar="1d", help="measurements of the last days (default: 1d)"
    )
    past.add_argument(
        "--out", type=Path, metavar="FOLDER", help="keep the files there (default: they are only imported)"
    )
    past.add_argument("--to", type=Path, metavar="FILE", help="import into this SQLite store")
    past.add_argument(
        "--collector-config", type=Path, metavar="FILE", help="import into this collector's store"
    )
    return parser


def _history(arguments: argparse.Namespace) -> int:
    if not (arguments.out or arguments.to or arguments.collector_config):
        raise DemoError("where shall the history go? Give --out FOLDER, --to FILE or --collector-config FILE")
    found = recipes.villages(arguments.area)
    until = recipes.now_minute()
    epoch = recipes.midnight_before(until, found[0].utc_offset_minutes, arguments.history)
    recipe = _recipe(arguments, epoch)
    life = recipes.live(recipe, found)
    _write_for_collector(arguments, life, [])
    with _folder(arguments.out) as folder:
        importing = _import(arguments)
        plan = Plan(until - arguments.fine * _DAY, until - arguments.raw * _DAY, until)
        standing = make(life, plan, folder, say, importing)
        recipes.leave(folder / "fleet.json", recipe, until, standing)
        if arguments.out:
            say(f"The history is in {folder}; a stream goes on from it with --resume {folder / 'fleet.json'}")
    return 0


def _stream(arguments: argparse.Namespace) -> int:
    if arguments.resume:
        left, standing = recipes.find(arguments.resume)
        recipe, left_minute = left.recipe, left.minute
    else:
        epoch = recipes.now_minute() - recipes.LIVED_DAYS * _DAY
        recipe, standing, left_minute = _recipe(arguments, epoch), None, None
    found = recipes.villages(recipe.area)
    life = recipes.live(recipe, found)
    wrong = culprits(life.dice, found, arguments.hostile, recipe.epoch_minute)
    _write_for_collector(arguments, life, wrong)
    host, port = arguments.broker
    options = Options(
        host, port, arguments.rate, arguments.duration, not arguments.no_message_expiry, left_minute
    )
    stream = Stream(life, standing, options, wrong, say)
    relax_garbage_collection()
    account = asyncio.run(_until_told(stream))
    if arguments.account:
        arguments.account.write_text(json.dumps(account, indent=2) + "\n", encoding="utf-8")
    if arguments.json:
        print(json.dumps(account, indent=2))  # noqa: T201 - what was asked for
    say(
        f"{account['envelopes_sent']:,} envelopes, {account['records_measured']:,} records measured,"
        f" {account['records_stored']:,} stored, {account['records_waiting']:,} waiting,"
        f" {account['records_unanswered']:,} of them sent"
    )
    return 1 if account["records_unanswered"] else 0


async def _until_told(stream: Stream) -> dict[str, Any]:
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    return await stream.run(stop)


def _recipe(arguments: argparse.Namespace, epoch_minute: int) -> Recipe:
    return Recipe(
        area=arguments.area,
        devices=arguments.devices,
        seed=arguments.seed,
        cadence=arguments.cadence,
        epoch_minute=epoch_minute,
        surges=tuple(surges.parse(text, recipes.now_minute()) for text in arguments.surge),
    )


def _write_for_collector(arguments: argparse.Namespace, life: Life, wrong: list[Culprit]) -> None:
    """Write what a collector must know of the devices, where that was asked for."""
    if arguments.registry:
        known = [(one.name, one.village.code) for one in wrong if one.way != UNREGISTERED]
        text = registry_csv(life.population, known, life.epoch_minute)
        arguments.registry.write_text(text, encoding="utf-8")
    if arguments.profiles:
        arguments.profiles.write_text(profiles.toml(), encoding="utf-8")


def _import(arguments: argparse.Namespace) -> Import | None:
    options = ["--config", str(arguments.collector_config)] if arguments.collector_config else []
    target = ["--to", str(arguments.to)] if arguments.to else []
    return Import(options, target, keep=arguments.out is not None) if options or target else None


@contextlib.contextmanager
def _folder(wanted: Path | None) -> Iterator[Path]:
    if wanted is not None:
        yield wanted
        return
    with tempfile.TemporaryDirectory(prefix="pantau-fleet-") as folder:
        yield Path(folder)
