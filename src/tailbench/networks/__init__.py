"""Neural networks that hold a block of members in one module."""
