"""Remote configuration: signed messages from operators, within the limits that the device itself sets.

control    what is in force: takes a message or refuses it, whole, with one reason
verify     a message's form, signature, audience, age and version
apply      settings of a message over the device's own configuration
hosts      which targets a configuration names, and which of them are allowed
bounds     what no message may exceed
keep       the messages in force, on disk
listener   between the publisher, which receives, and the agent, which exchanges its jobs
"""

from pantau_agent.remote.control import RemoteControl
from pantau_agent.remote.listener import RemoteListener

__all__ = ["RemoteControl", "RemoteListener"]
