"""What the figures in README and docs rest on. `make bench` runs them, `make bench ARGS=NAME` one."""
