"""The spool: every measurement, on disk, until the database has it.

queue   what the agent uses: put, commit, peek, ack
eras    under which spool id and number a record travels; a new id on another machine
remains what a damaged file still says, so that what it held is named as dropped
file    the SQLite file: its tables, how it is opened, what its counters say
"""

from pantau_agent.spool.file import SpoolState, read_state
from pantau_agent.spool.queue import Spool, SpooledRecord, in_use

__all__ = ["Spool", "SpoolState", "SpooledRecord", "in_use", "read_state"]
