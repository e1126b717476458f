"""From reviewed objects to a better model: training pairs, training, evaluation, the card."""
