"""The record of a training and the model card made of it."""
