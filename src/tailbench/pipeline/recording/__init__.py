"""Recorded results: what a run leaves for others, and new methods set among them."""
