"""What a model is written as, one file a target."""
