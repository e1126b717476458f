"""The training of a network: patches, steps, the loop, and what chooses the best state."""
