"""Rates in the step size: experiment and claims."""
