"""Variance-exploding diffusion: preconditioning, noise levels, samplers."""
