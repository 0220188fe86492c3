"""What the figures in README and docs rest on. `make bench` runs all, `make bench ARGS=NAME` one."""
