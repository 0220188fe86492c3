"""The spool: every measurement, on disk, until the database has it.

queue   what the agent uses: put, commit, peek, ack
file    the SQLite file: its tables, how it is opened, what its counters say
"""

from pantau_agent.spool.file import SpoolState, read_state
from pantau_agent.spool.queue import Spool, SpooledRecord, in_use

__all__ = ["Spool", "SpoolState", "SpooledRecord", "in_use", "read_state"]
