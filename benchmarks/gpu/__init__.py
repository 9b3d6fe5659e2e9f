"""What is worth running on a GPU, in order of worth: see docs/gpu.md."""
