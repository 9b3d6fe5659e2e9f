"""Robustness to score errors: experiment and claims."""
