"""Pantau on one machine, on embedded parts: what `make run` starts."""
