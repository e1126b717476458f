"""From reviewed objects to a better model: training pairs, the training, its evaluation and card."""
