"""Seeds and random streams."""
