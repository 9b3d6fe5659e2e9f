"""Neural networks that hold a seed block in one module."""
