"""A business that never was: generated from a seed, through the public API, over simulated months."""
