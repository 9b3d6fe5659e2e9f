"""Alpha-stable noise."""
