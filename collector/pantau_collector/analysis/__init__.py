"""What the measurements mean: pure functions over NumPy arrays and rows, and the runner that feeds them."""
