"""Files that were damaged between two runs are refused by their name, and made anew on request."""

import os

import pandas as pd
import pytest

from tailbench.pipeline.results.verify import damaged

pytestmark = pytest.mark.slow

DATA, FLOW = "data/alpha_stable/0-1", "alpha_stable/flow/0-1"
# what is damaged, what is asked for, and the log that says so
CASES = {
    "data": (
        f"{DATA}/train.npy",
        f"models/{FLOW}/spec.json",
        f"train/{FLOW}",
    ),
    "record": (f"{DATA}/meta.json", f"models/{FLOW}/spec.json", f"train/{FLOW}"),
    "model": (f"models/{FLOW}/model.safetensors", f"samples/{FLOW}/record.json", f"sample/{FLOW}"),
    "samples": (
        f"samples/{FLOW}/samples.npy",
        f"metrics/{FLOW}/metrics.csv",
        f"evaluate/{FLOW}",
    ),
    "cell": (f"metrics/{FLOW}/metrics.csv", "metrics.csv", "collect"),
    "metrics": ("metrics.csv", "tables", "tables"),
}


def damage(path):
    """Turn one bit in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


@pytest.mark.parametrize("case", CASES)
def test_a_flipped_bit_is_found_and_the_file_made_anew(work, case):
    name, target, log = CASES[case]
    path, target = work.results / name, f"results/default/{target}"
    whole = path.read_bytes()
    damage(path)
    printed = work.snakemake(target, succeeds=False)
    said = f"results/default/{name} is corrupt"
    assert said in printed, printed
    text = (work.results / "logs" / f"{log}.log").read_text()
    assert said in text and "Traceback" not in text
    assert case == "model" or "delete it and rerun" in text
    assert path.exists()  # nothing is deleted behind the user's back

    path.unlink()
    work.snakemake(target)
    assert work.pending(target) == set()
    if case in ("data", "record", "model", "samples"):
        assert path.read_bytes() == whole
    assert damaged(work.results)[1] == {}


def test_a_bit_that_no_clock_has_seen(work):
    """A disk that loses a bit changes no time: the next job that reads the file finds it."""
    path = work.results / DATA / "train.npy"
    before, times = work.files(), path.stat()
    damage(path)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert "Nothing to be done" in work.snakemake()
    assert list(damaged(work.results)[1]) == [path]

    work.configure(lambda config: config["models"]["flow"].update(train_steps=41))
    printed = work.snakemake(f"results/default/models/{FLOW}/spec.json", succeeds=False)
    assert "train.npy is corrupt" in printed
    path.unlink()
    work.snakemake(f"results/default/models/{FLOW}/spec.json")
    name = "results/default/data/alpha_stable/0-1/train.npy"
    assert work.files()[name][1] == before[name][1]
    sgm = "results/default/models/alpha_stable/sgm/0-1/model.safetensors"
    assert work.files()[sgm] == before[sgm]  # equal data make nothing else out of date


def test_metrics_after_a_repair_are_those_of_before(work):
    before = pd.read_csv(work.results / "metrics.csv")
    path = work.results / "samples" / "alpha_stable" / "flow" / "0-1" / "samples.npy"
    path.write_bytes(path.read_bytes()[:-100])
    work.snakemake("results/default/metrics.csv", succeeds=False)
    path.unlink()
    work.snakemake("results/default/metrics.csv")
    after = pd.read_csv(work.results / "metrics.csv")
    pd.testing.assert_frame_equal(after.iloc[:, :9], before.iloc[:, :9])  # the rest are costs
