"""Generative models, one file per model that a configuration can name."""
