"""The console script `pantau-testpoint`."""

import asyncio
import os
import sys
from collections.abc import Sequence

from pantau_testpoint import logs, service, settings
from pantau_testpoint.errors import TestpointError

EXIT_OK = 0
EXIT_CANNOT_START = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the testpoint until SIGTERM or SIGINT; return the exit code: 0, or 2 if it cannot start."""
    try:
        chosen = settings.load(arguments, os.environ)
        logs.configure(chosen.log)
        asyncio.run(service.run(chosen))
    except TestpointError as error:
        sys.stderr.write(f"pantau-testpoint: {error}\n")
        return EXIT_CANNOT_START
    return EXIT_OK
