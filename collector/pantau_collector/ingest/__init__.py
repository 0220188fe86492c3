"""From MQTT to the store: decode, identify, validate, batch, write, acknowledge."""
