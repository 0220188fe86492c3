"""Messages to people, for installations without Grafana: kept until they are sent, and joined."""
