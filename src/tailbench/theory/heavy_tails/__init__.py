"""Convergence from a heavy-tailed start: experiment and claims."""
