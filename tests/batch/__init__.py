"""Tests of where the images of a batch are worked on."""
