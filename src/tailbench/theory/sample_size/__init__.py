"""Convergence with the sample size: experiment and claims."""
