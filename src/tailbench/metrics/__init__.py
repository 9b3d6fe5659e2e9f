"""Comparisons of generated with real samples, one file per metric."""
