"""A full disk under a real run: the reason is said, and the run goes on when there is space."""

import pytest

from tailbench.pipeline.results.verify import damaged

pytestmark = pytest.mark.slow

SMALL = {"batch_size": 64, "width": 16}
CONFIG = {
    "seeds": ["0-1"],
    "device": "cpu",
    "datasets": {"alpha_stable": {"n_train": 100_000, "n_test": 400}},  # 1.6 MB
    "models": {"sgm": {"train_steps": 30, "num_blocks": 1, **SMALL}},
    "methods": {"sgm": {"sampling_steps": 2}},
    "metrics": {"msle": {}},
    "figures": ["survival"],
}
SAID = "there is no space left to write results/default/"


def test_a_full_disk(fresh, small_disk, fill, tmp_path_factory):
    fresh.configure(CONFIG)
    target = "results/default/metrics/alpha_stable/sgm/0-1/metrics.csv"
    whole = fresh.copy(tmp_path_factory.mktemp("whole"))
    whole.snakemake(target)

    disk = small_disk(fresh.results, 8_000_000)
    filler = fill(disk, 300_000)
    printed = fresh.snakemake(target, succeeds=False)
    assert f"{SAID}data/alpha_stable/0-1/train.npy: free some" in printed, printed
    assert not list(disk.glob("data/*/*/*"))

    filler.unlink()
    fresh.snakemake("results/default/data/alpha_stable/0-1/meta.json")
    filler = fill(disk, 24_000)  # for the log, and not for the states of the training
    printed = fresh.snakemake(target, succeeds=False)
    assert f"{SAID}.checkpoints/alpha_stable/sgm/0-1/seeds" in printed, printed
    assert not list(disk.glob("models/*/*/*/*")) and not list(disk.glob("samples/*/*/*/*"))
    assert damaged(disk)[1] == {}

    filler.unlink()
    printed = fresh.snakemake(target)
    assert "data: alpha_stable" not in printed  # what was finished was kept
    assert fresh.pending(target) == set() and damaged(disk)[1] == {}
    model = "models/alpha_stable/sgm/0-1/model.safetensors"
    assert (disk / model).read_bytes() == (whole.results / model).read_bytes()
