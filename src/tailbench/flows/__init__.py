"""Normalizing flows: tail transforms, tail selection, coupling layers."""
