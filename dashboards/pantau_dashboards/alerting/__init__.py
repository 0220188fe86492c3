"""Alert rules, contact points, policies and messages, for Grafana's files and for its API."""
