"""The contract between agent, collector and everyone else: measurements, envelope, topics, codec.

SPEC.md beside this file says it in words. Imports nothing else of Pantau.
"""

__version__ = "0.1.0"
