"""Where computations run: devices, processes, torchvision."""
