"""What the figures in README and docs rest on. `make bench` runs them, `make bench ARGS=NAME` one."""


class SkippedError(Exception):
    """A benchmark cannot run here; `str()` says what is missing."""
