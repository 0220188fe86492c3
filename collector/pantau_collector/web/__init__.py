"""The portal: pages for people, JSON for programs, read from a store and a registry."""
