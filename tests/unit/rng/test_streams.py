"""Whose random numbers are whose."""

import pytest
import torch

from tailbench.rng.streams import IndexedStreams, Streams

CPU = torch.device("cpu")


def draws(seeds, purpose="train"):
    streams = Streams(seeds, CPU, purpose)
    return [streams.randn(3, 2), streams.uniform(4), streams.integers(10, 50), streams.randn(1)]


def test_shapes_and_ranges():
    normal, uniform, whole, _ = draws([1, 2])
    assert normal.shape == (2, 3, 2) and uniform.shape == (2, 4) and whole.shape == (2, 50)
    assert float(uniform.min()) >= 0.0 and float(uniform.max()) < 1.0
    assert set(whole.unique().tolist()) == set(range(10))


def test_a_seeds_draws_do_not_depend_on_the_others():
    together = draws([5, 6, 7])
    for e, seed in enumerate((5, 6, 7)):
        for block, alone in zip(together, draws([seed]), strict=True):
            assert torch.equal(block[e], alone[0])


def test_seeds_and_purposes_have_different_draws():
    first, second = draws([5, 6])[0]
    assert not torch.equal(first, second)
    assert not torch.equal(draws([5], "train")[0], draws([5], "validate")[0])


def test_state_can_be_put_back():
    streams = Streams([5, 6], CPU, "train")
    streams.randn(7)
    state = streams.state()
    ahead = [streams.randn(3), streams.integers(100, 3)]
    other = Streams([8, 9], CPU, "train")
    other.restore(state)
    for expected, found in zip(ahead, (other.randn(3), other.integers(100, 3)), strict=True):
        assert torch.equal(expected, found)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_samples_of_a_longer_draw_begin_with_those_of_a_shorter(dtype):
    long, short = (IndexedStreams([3, 4], 0, n, 2, CPU) for n in (1000, 300))
    for _ in range(3):
        expected, found = long.randn(dtype), short.randn(dtype)
        assert expected.shape == (2, 1000, 2) and found.shape == (2, 300, 2)
        assert found.dtype == dtype
        assert torch.equal(expected[:, :300], found)


@pytest.mark.parametrize("start", [256, 512])
def test_batches_make_the_whole(start):
    whole, part = (
        IndexedStreams([3], 0, 1000, 2, CPU),
        IndexedStreams([3], start, 1000 - start, 2, CPU),
    )
    for _ in range(3):
        assert torch.equal(whole.randn()[:, start:], part.randn())


def test_samples_of_a_seed_do_not_depend_on_the_others():
    block, alone = IndexedStreams([3, 4], 0, 300, 2, CPU), IndexedStreams([4], 0, 300, 2, CPU)
    assert torch.equal(block.randn()[1:], alone.randn())


def test_samples_differ_between_chunks_seeds_draws_and_purposes():
    streams = IndexedStreams([3, 4], 0, 512, 1, CPU)
    first, second = streams.randn(), streams.randn()
    other = IndexedStreams([3, 4], 0, 512, 1, CPU, "flow").randn()
    values = torch.cat([first.flatten(), second.flatten(), other.flatten()])
    assert len(values.unique()) > 0.99 * len(values)


@pytest.mark.parametrize("start", [1, 100, 255, 257])
def test_a_batch_starts_at_a_whole_chunk(start):
    with pytest.raises(ValueError, match=f"multiple of 256, not at {start}"):
        IndexedStreams([3], start, 10, 2, CPU)
