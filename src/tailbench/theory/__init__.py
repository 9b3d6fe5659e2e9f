"""Experiments that measure what convergence theorems claim, one file each."""
