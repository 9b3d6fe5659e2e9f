"""The training loop, its average of parameters and its checkpoints."""
