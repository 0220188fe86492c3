"""`python -m pantau_collector`."""

from pantau_collector.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
