"""Which devices stand in which village since when, and the names of Indonesia's areas."""
