"""What several folders of tests share."""

import pytest


@pytest.fixture(scope="session")
def fabricated(tmp_path_factory):
    """A results folder made up from thin air; read it only, or copy it first."""
    from fabricate import fabricate

    return fabricate(tmp_path_factory.mktemp("fabricated"))
