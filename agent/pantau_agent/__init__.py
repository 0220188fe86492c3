"""The agent on a village's device: measures, keeps every measurement, and publishes until it is stored."""
