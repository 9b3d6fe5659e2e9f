"""Distributions that can be sampled exactly, one file per family."""
