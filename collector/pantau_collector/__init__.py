"""The collector: takes measurements from MQTT, keeps them in a store, and shows them in a portal."""
