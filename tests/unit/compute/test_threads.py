"""How many threads a job computes with."""

import subprocess
import sys

import torch

from tailbench.compute.threads import limit_threads


def test_torch_computes_with_so_many():
    try:
        limit_threads(3)
        assert torch.get_num_threads() == 3
        limit_threads(0)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(1)


def test_torch_that_is_imported_later_has_read_the_number():
    code = (
        "import sys\n"
        "from tailbench.compute.threads import limit_threads\n"
        "limit_threads(2, need_torch=False)\n"
        "assert 'torch' not in sys.modules\n"
        "import torch\n"
        "assert torch.get_num_threads() == 2\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
