"""What a job needs while it runs: locks, GPUs, processes, logs."""
