"""A complete run on images: the digits of scikit-learn, and an archive that has to be fetched."""

import hashlib
import io
import json
import tarfile

import numpy as np
import pandas as pd
import pytest

pytestmark = pytest.mark.slow

TINY = {"network": "unet", "width": 8, "num_blocks": 1, "multipliers": [1, 2], "train_steps": 20}
CONFIG = {
    "seeds": ["0-1"],
    "device": "cpu",
    "datasets": {"digits": {}},
    "models": {
        "sgm": {**TINY, "batch_size": 32},
        "dlpm": {**TINY, "batch_size": 32, "clip_A": 20.0},
        "tarflow": {"train_steps": 20, "batch_size": 32, "width": 16, "heads": 2, "depth": 1},
    },
    "methods": {
        "sgm": {"sampling_steps": [2, 4]},
        "flow": {"type": "tarflow"},
        "flow_sgm": {"flow": "tarflow", "sigma_T": 0.5, "sampling_steps": 3},
        "dlim": {"sampling_steps": 3},
    },
    "metrics": {"classifier": {}, "class_shares": {}, "sliced_wasserstein": {"steps": 2}},
    "figures": ["images", "nfe", "comparison"],
}


def test_digits_from_data_to_report(fresh):
    """Also by two processes where the configuration says so."""
    fresh.configure({**CONFIG, "processes": {"sgm": 2}})
    fresh.snakemake()
    for file in ("models/digits/sgm/0-1/spec.json", "samples/digits/flow_sgm/0-1/record.json"):
        assert json.loads((fresh.results / file).read_text())["processes"] == 2
    table = pd.read_csv(fresh.results / "metrics.csv")
    wanted = {"fid_classifier", "kid_classifier", "class_tv", "rare_coverage", "max_sw1"}
    assert wanted <= set(table["metric"])
    variants = table.fillna({"variant": ""})[["method", "variant"]]
    assert {*variants.itertuples(index=False, name=None)} == {
        ("sgm", "sampling_steps=2"),
        ("sgm", "sampling_steps=4"),
        ("flow", ""),
        ("flow_sgm", ""),
        ("dlim", ""),
    }
    assert np.isfinite(table["value"]).all()
    fid = table[table["metric"] == "fid_classifier"]
    assert (fid["floor"] < 3).all() and (fid["value"] > fid["floor"]).all()
    trained = json.loads(
        (fresh.results / "features/digits/0-1/network/classifier.json").read_text()
    )
    assert trained["accuracy"] > 0.95
    assert (fresh.results / "figures" / "images" / "digits.png").stat().st_size > 5000
    report = (fresh.results / "report.html").read_text()
    assert "FID (classifier)" in report and 'src="figures' not in report  # pictures are inside
    assert "Nothing to be done" in fresh.snakemake()


def archive(path):
    """Write a small archive in the format of CIFAR-10, and give its digest."""
    rng = np.random.default_rng(0)
    with tarfile.open(path, "w:gz") as file:
        for name in [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]:
            rows = rng.integers(0, 256, (80, 3073)).astype(np.uint8)
            rows[:, 0] = np.repeat(np.arange(10), 8)
            content = rows.tobytes()
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}.bin")
            member.size = len(content)
            file.addfile(member, io.BytesIO(content))
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_an_archive_is_fetched_once(fresh, tmp_path, serve):
    digest = archive(tmp_path / "small.tar.gz")
    data = {"checksum": f"sha256:{digest}", "counts": list(range(40, 0, -4))}
    with serve(tmp_path) as address:
        data["path"] = f"{address}/small.tar.gz"
        fresh.configure({**CONFIG, "datasets": {"cifar10_lt": data}})
        target = "results/default/data/cifar10_lt/0-1/meta.json"
        fresh.snakemake(target)
    folder = fresh.results / "data/cifar10_lt/0-1"
    train = np.load(folder / "train.npy")
    assert train.shape == (2, 220, 3072) and train.dtype == np.uint8
    assert np.bincount(np.load(folder / "train_labels.npy")[0]).tolist() == data["counts"]
    # the server is gone; other data from the same archive
    data["counts"] = [20] * 10
    fresh.configure({**CONFIG, "datasets": {"cifar10_lt": data}})
    fresh.snakemake(target)
    assert np.load(folder / "train.npy").shape == (2, 200, 3072)
