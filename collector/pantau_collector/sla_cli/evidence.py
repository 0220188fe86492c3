"""`sla evidence` and `sla verify`: a month's evidence as a file, and whether a file says what it gives."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pantau_collector import wholefile
from pantau_collector.errors import EvidenceError
from pantau_collector.i18n import marked as _
from pantau_collector.sla_cli.common import command, opened, print_json, tell

if TYPE_CHECKING:
    import argparse

    from pantau_collector.sla_cli.common import Parsers

_MODE = 0o644

NOTHING = _(
    "nothing is known of {village} in {month}: 'pantau-collector sla judge {month}' judges what is there"
)
BAD_MONTH = _("'{month}' is not a month: write it as 2026-08")
UNWRITABLE = _("{file}: cannot be written ({reason})")
WRITTEN = _("{file}: {size} bytes, SHA-256 of the manifest {sha256}")
GENUINE = _("{file}: recomputed to the same verdict; SHA-256 of the manifest {sha256}")
CHANGED = _("{file}: NOT as it was written: {count} difference(s)")
PENDING = _("the month was closed, and the days here are newer: a revision will follow")
OPEN = _("the month is not closed yet: the verdict may still change")


def add_arguments(commands: Parsers) -> None:
    """Add `evidence` and `verify`."""
    evidence = command(
        commands, "evidence", "write all that a village's month rests on into a zip", _evidence
    )
    evidence.add_argument("village", help="code of the village, such as 33.10.25.2007")
    evidence.add_argument("month", help="such as 2026-08")
    evidence.add_argument("--output", type=Path, required=True, metavar="FILE")
    about = "recompute a bundle of evidence: 0 the same, 1 something was changed, 2 no bundle"
    verify = command(commands, "verify", about, _verify, json=True)
    verify.add_argument("file", type=Path)


def _evidence(arguments: argparse.Namespace) -> int:
    from pantau_collector.months.profile_file import ProfileFile  # noqa: PLC0415 - NumPy takes its time
    from pantau_collector.months.reading import StoredMonths  # noqa: PLC0415
    from pantau_collector.months.verifying import verify_content  # noqa: PLC0415
    from pantau_collector.registry.file import RegistryFile  # noqa: PLC0415

    month, village, file = arguments.month, arguments.village, arguments.output
    with opened(arguments) as (config, store):
        registry = RegistryFile(config.registry.path)
        months = StoredMonths(store, registry, ProfileFile(config.sla.profiles))
        try:
            content = months.bundle(month, village)
        except ValueError:
            raise EvidenceError(BAD_MONTH, month=month) from None
    if content is None:
        raise EvidenceError(NOTHING, village=village, month=month)
    try:
        wholefile.replace(file, content, _MODE)
    except OSError as error:
        raise EvidenceError(UNWRITABLE, file=file, reason=error.strerror) from None
    found = verify_content(content, str(file))
    tell(arguments, WRITTEN, file=file, size=len(content), sha256=found.sha256)
    return 0


def _verify(arguments: argparse.Namespace) -> int:
    from pantau_collector.months.verifying import verify  # noqa: PLC0415 - NumPy takes its time
    from pantau_collector.sla_cli.verdict import lines  # noqa: PLC0415

    found = verify(arguments.file)
    differences = [difference.to(arguments.language) for difference in found.differences]
    if arguments.json:
        print_json(
            {
                "village": found.manifest.village,
                "sha256": found.sha256,
                "same": not differences,
                "differences": differences,
                "report": found.report,
            }
        )
        return 1 if differences else 0
    if differences:
        tell(arguments, CHANGED, file=arguments.file, count=len(differences))
        sys.stdout.writelines(f"  {difference}\n" for difference in differences)
        return 1
    tell(arguments, GENUINE, file=arguments.file, sha256=found.sha256)
    manifest = found.manifest
    sys.stdout.write(f"{manifest.village} {', '.join(manifest.names)}; {manifest.provider}\n")
    sys.stdout.writelines(f"{line}\n" for line in lines(found.report, arguments.language))
    if not manifest.record_sha256:
        tell(arguments, OPEN)
    elif not manifest.days_are_recorded:
        tell(arguments, PENDING)
    return 0
