"""What `pantau-agent test` shows: live progress while it measures, and a card of results at the end.

words    states and numbers in the reader's language
screens  progress: bars on a terminal, plain lines anywhere else, nothing beside JSON
cards    results: a panel on a terminal, plain lines anywhere else
showing  runs the jobs and shows them
"""

from pantau_agent.live.cards import rows_of
from pantau_agent.live.showing import run_live
from pantau_agent.live.words import Words

__all__ = ["Words", "rows_of", "run_live"]
