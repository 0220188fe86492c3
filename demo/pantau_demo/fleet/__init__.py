"""A fleet of virtual devices with believable lives: over MQTT as it happens, or as history in files.

What a device sees in a minute is a function of seed, device and minute (`life`), so that history, live stream
and a record that is sent again agree without anything being kept.
"""
