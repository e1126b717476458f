"""The built-in demo model: its data and card, its demo run, its training and its simulator."""
