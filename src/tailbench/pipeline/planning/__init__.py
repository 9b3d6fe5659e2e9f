"""What a configuration amounts to: cells, their parameters and their resources."""
