"""What several folders of tests share."""

import pytest


@pytest.fixture(scope="session")
def fabricated(tmp_path_factory):
    """A results folder made up from thin air; read it only, or copy it first."""
    from fabricate import fabricate

    return fabricate(tmp_path_factory.mktemp("fabricated"))


@pytest.fixture(scope="module")
def one_thread():
    """Let torch compute on one: several wait for one another where processors are busy."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
