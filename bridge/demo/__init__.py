"""The built-in demo model's card and data, its demo run, and the simulator that trained it."""
