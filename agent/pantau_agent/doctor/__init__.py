"""`pantau-agent doctor`: looks for what is wrong on this device and says what to do about it.

findings       what a check says
registry       all checks, by name; a new one is a function and a line there
examination    runs them at the same time, each within its limit
report         for people, or as JSON
configuration, timing, network, broker, testpoint, storage, allowance   the checks, by group

A check sends packets only to what is configured, and to the system's resolver for the names in it. It
changes nothing on this device.
"""

from pantau_agent.doctor.examination import run_doctor

__all__ = ["run_doctor"]
