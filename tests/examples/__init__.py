"""Tests of the images to try and train with."""
