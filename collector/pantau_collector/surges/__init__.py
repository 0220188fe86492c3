"""What is known of surges: read back from the store, and told so that people understand it."""
