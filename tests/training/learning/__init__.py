"""Tests of training pairs, training and evaluation."""
