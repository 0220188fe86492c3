"""`pantau-collector`, started as a module of the working tree."""

from __future__ import annotations

import sys

from pantau_collector.cli import main

if __name__ == "__main__":
    sys.exit(main())
