"""Villages' months: judged from day rows, closed and revised, and read by all who show them."""
