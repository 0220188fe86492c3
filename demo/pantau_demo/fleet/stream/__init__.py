"""A fleet's present: its devices deliver over MQTT as the agent does, many of them over each connection."""
