"""`pantau-demo`: the whole of Pantau on this machine, until Ctrl-C or for a given time."""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pantau_demo import stack
from pantau_demo.errors import DemoError
from pantau_demo.shows import MachineShow
from pantau_demo.supervisor import Supervisor
from pantau_wire import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pantau_demo.shows import Show, Ticks
    from pantau_demo.stack import Stack

_POLL_S = 0.5


def main(argv: list[str] | None = None) -> int:
    """Run the demo; return 0 when everything went through, 1 when something is missing, 2 on wrong use."""
    given = sys.argv[1:] if argv is None else argv
    if given[:1] == ["fleet"]:
        from pantau_demo.fleet import command  # noqa: PLC0415 - it needs NumPy, the demo of one machine does not

        return command.main(given[1:])
    arguments = _parser().parse_args(given)
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    try:
        with _state_folder(arguments.state) as state:
            show = _show(arguments, stop)
            account = _run(arguments, show, state, stop)
    except DemoError as error:
        _say(f"pantau-demo: {error}")
        return 2
    wrong = show.complaints(account)
    if arguments.json:
        print(json.dumps(account, indent=2))  # noqa: T201 - what was asked for
    for line in [show.summary(account), *(f"  missing: {complaint}" for complaint in wrong)]:
        _say(line)
    # A person who looked around and pressed Ctrl-C has not asked for a verdict.
    return 1 if wrong and arguments.duration is not None else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pantau-demo",
        description="Measures this machine with a real agent, broker, collector, portal; or shows a fleet.",
        epilog="'pantau-demo fleet --help' tells of virtual devices for a broker of your own.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument("--port", type=_port, default=8080, help="the portal's port (default: 8080; 0: any)")
    parser.add_argument("--duration", type=_seconds, metavar="S", help="stop after so many seconds")
    parser.add_argument("--json", action="store_true", help="print the account as one JSON object")
    parser.add_argument(
        "--broker", choices=("embedded", "mosquitto"), default="embedded", help="which MQTT broker to start"
    )
    fleet = parser.add_argument_group("a fleet instead of this machine")
    fleet.add_argument("--fleet", metavar="AREA", help="an area's villages, by code or name, such as klaten")
    fleet.add_argument("--seed", type=int, default=1, help="another seed, other lives (default: 1)")
    fleet.add_argument(
        "--surge",
        action="append",
        default=[],
        metavar="TEXT",
        help="such as village=33.10.25.2007,factor=3,at=+10m,minutes=45; repeat",
    )
    parser.add_argument(
        "--state",
        type=Path,
        metavar="DIR",
        help="keep data and logs there (default: nothing is kept)",
    )
    return parser


def _show(arguments: argparse.Namespace, stop: threading.Event) -> Show:
    """Return what was asked to be shown."""
    if arguments.fleet is None:
        return MachineShow(arguments.broker)
    from pantau_demo.fleet_demo import FleetShow  # noqa: PLC0415 - it needs NumPy, a machine's does not

    def say(text: str) -> None:
        if stop.is_set():
            raise DemoError("stopped before everything was there")
        _say(text)

    return FleetShow(arguments.fleet, arguments.seed, arguments.surge, arguments.broker, say)


def _run(arguments: argparse.Namespace, show: Show, state: Path, stop: threading.Event) -> dict[str, Any]:
    portal_port = stack.choose_port(arguments.port)
    supervisor = Supervisor(_say)
    try:
        _say(f"Pantau starts: {show.parts} …")
        started = show.start(supervisor, state, portal_port)
        _write_pids(supervisor, state)
        _welcome(started, arguments.duration)
        _watch(supervisor, show.ticker(started, _say), started, stop, arguments.duration)
        _say(f"Stopping: the {show.speaker} delivers what it still has …")
        supervisor.stop(show.speaker)
        return show.gather(started)
    finally:
        supervisor.stop_all()


def _watch(
    supervisor: Supervisor, ticker: Ticks, started: Stack, stop: threading.Event, duration_s: float | None
) -> None:
    """Show what arrives and keep the parts alive, until the time is up or somebody stops us."""
    while not stop.wait(_POLL_S):
        if supervisor.revive():
            _write_pids(supervisor, started.state)
        ticker.tick()
        if duration_s is not None and ticker.elapsed_s >= duration_s:
            return


def _write_pids(supervisor: Supervisor, state: Path) -> None:
    """Tell others which processes these are; whoever reads meanwhile sees the old file or the new one."""
    pids = {name: part.pid for name, part in supervisor.parts.items()}
    (state / "pids.new").write_text(json.dumps(pids), encoding="utf-8")
    (state / "pids.new").replace(state / "pids.json")


def _welcome(started: Stack, duration_s: float | None) -> None:
    until = "Ctrl-C stops it" if duration_s is None else f"stops by itself after {duration_s:.0f} s"
    _say(f"\n  The portal is at  {started.portal_url}   ({until})\n")


@contextlib.contextmanager
def _state_folder(wanted: Path | None) -> Iterator[Path]:
    if wanted is None:
        with tempfile.TemporaryDirectory(prefix="pantau-demo-", ignore_cleanup_errors=True) as folder:
            yield Path(folder)
        return
    try:
        wanted.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DemoError(f"cannot use {wanted}: {error.strerror}") from None
    yield wanted.resolve()


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text) <= 65_535:  # noqa: PLR2004 - the highest port
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a port: use a number from 0 to 65535")


def _seconds(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 < float(text) <= 86_400:  # noqa: PLR2004 - a day
            return float(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a duration: use seconds, such as 60")


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
