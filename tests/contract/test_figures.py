"""What every figure promises; a figure that is added is tested by being there."""

import inspect

import pytest

from tailbench import registry

NEEDS = {"metrics", "data", "first data", "samples", "first samples", "histories"}


@pytest.fixture(params=registry.names("figures"))
def figure(request):
    return registry.load("figures", request.param)()


def test_says_what_it_needs_and_shows(figure):
    assert isinstance(figure.needs, frozenset) and figure.needs <= NEEDS
    assert len(figure.caption) > 40
    assert figure.caption[0].isupper() and figure.caption.rstrip().endswith(".")


def test_draws_one_dataset_at_a_time(figure):
    assert list(inspect.signature(figure.draw).parameters) == ["inputs", "dataset"]
