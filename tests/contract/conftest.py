"""Where the contract tests compute."""

import pytest
import torch

from devices import DEVICE


@pytest.fixture(scope="session", autouse=True)
def device():
    """Give the device of TAILBENCH_TEST_DEVICE, and end the run if there is none such."""
    if DEVICE.startswith("cuda") and not torch.cuda.is_available():
        pytest.exit(f"TAILBENCH_TEST_DEVICE={DEVICE}, but CUDA is not available", returncode=3)
    return DEVICE
