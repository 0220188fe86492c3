"""The data budget: how many bytes the agent used this month, and what it may still use.

policy       what is allowed, pure
ledger       the SQLite file of what was used
keeper       the running agent's budget: counts, reserves, decides
publishing   what the publisher's connections put on the line
report       where the bytes went, for people and programs
"""
