"""What all models promise: shapes, seeds, files, members."""

import json

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from tailbench.exceptions import InputError
from tailbench.models.flow import Flow
from tailbench.models.flow_sgm import FlowSGM
from tailbench.models.sgm import SGM
from tailbench.training import trainer


def test_shapes(fitted, tables, kind, sample):
    block, table = sample(fitted(kind), 10), sample(tables(kind), 10)
    assert block.shape == (2, 10, 2) and table.shape == (10, 2)
    assert block.dtype == table.dtype == np.float32
    assert np.isfinite(block).all()
    assert fitted(kind).members == 2 and tables(kind).members == 1 and fitted(kind).dim == 2


def test_a_table_is_a_block_of_one(block, tables, fresh, kind, sample):
    other = fresh(kind).fit(block[:1], seed=5, quiet=True)
    assert np.array_equal(sample(other, 20)[0], sample(tables(kind), 20))


def test_a_member_is_the_same_in_a_block(fitted, tables, kind, sample):
    """The first member of two, and it alone, to the last bit."""
    assert np.array_equal(sample(fitted(kind), 20)[0], sample(tables(kind), 20))


def test_seeds(fitted, kind, sample):
    model = fitted(kind)
    first = sample(model, 20, seed=1)
    assert np.array_equal(first, sample(model, 20, seed=1))
    assert not np.array_equal(first, sample(model, 20, seed=2))
    assert not np.array_equal(first[0], first[1])


@pytest.mark.parametrize("kind", ["sgm edm", "flow auto", "flow_sgm noised"])
def test_members_that_are_equal_draw_different_samples(block, fresh, kind, sample):
    """The same data and seeds of training give the same member twice, but not the same draws."""
    twin = np.stack([block[0], block[0]])
    model = fresh(kind).fit(twin, seeds=[1, 1], quiet=True)
    x = sample(model, 20)
    assert not np.isclose(x[0], x[1]).any()


def test_the_first_samples_of_a_longer_draw_are_those_of_a_shorter(fitted, kind, sample):
    model = fitted(kind)
    np.testing.assert_allclose(
        sample(model, 600)[:, :300], sample(model, 300), rtol=1e-4, atol=1e-5
    )


def test_no_samples(fitted, kind, sample):
    assert sample(fitted(kind), 0).shape == (2, 0, 2)


@pytest.mark.parametrize("batch", [256, 512])
def test_the_size_of_a_batch_changes_nothing(fitted, kind, sample, monkeypatch, batch):
    whole = sample(fitted(kind), 600)
    monkeypatch.setattr("tailbench.models.diffusion_base.BATCH", batch)
    monkeypatch.setattr("tailbench.models.flow.BATCH", batch)
    np.testing.assert_allclose(sample(fitted(kind), 600), whole, rtol=1e-4, atol=1e-5)


def test_save_and_load(fitted, kind, sample, tmp_path):
    model = fitted(kind)
    model.save(tmp_path / "a")
    loaded = type(model).load(tmp_path / "a", device="cpu")
    assert np.array_equal(sample(loaded, 50), sample(model, 50))
    assert loaded.members == 2 and loaded.dim == 2
    loaded.save(tmp_path / "b")
    files = sorted(
        p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*") if p.is_file()
    )
    assert len(files) >= 3
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes(), file


def test_a_table_stays_a_table(tables, kind, sample, tmp_path):
    tables(kind).save(tmp_path)
    assert sample(type(tables(kind)).load(tmp_path, device="cpu"), 5).shape == (5, 2)


def test_loaded_history_and_facts(fitted, tmp_path):
    for kind in ("sgm edm", "flow auto"):
        model = fitted(kind)
        model.save(tmp_path / kind)
        loaded = type(model).load(tmp_path / kind)
        assert loaded.history == model.history
        assert loaded.info == json.loads(json.dumps(model.info))
        assert loaded.settings == model.settings


def test_the_file_says_what_made_it(fitted, tmp_path):
    fitted("flow auto").save(tmp_path)
    spec = json.loads((tmp_path / "spec.json").read_text())
    assert spec["type"] == "flow" and spec["settings"]["layers"] == 1
    assert spec["versions"]["torch"] == torch.__version__
    assert spec["members"] == 2 and spec["dim"] == 2 and len(spec["seconds"]) == 2
    own = fitted("flow auto").module
    assert spec["parameters"] * 2 == sum(p.numel() for p in own.parameters())
    rows = (tmp_path / "history.csv").read_text().splitlines()
    assert rows[0] == "member,step,loss,val_loss,lr,seconds"
    assert [row.split(",")[:2] for row in rows[1:]] == [
        [str(e), str(step)] for e in (0, 1) for step in (1, 6, 12)
    ]


@pytest.mark.parametrize("cls", [SGM, Flow])
def test_unknown_settings(cls, fitted):
    with pytest.raises(ValidationError, match="stepz"):
        cls(stepz=3)
    with pytest.raises(ValidationError, match="steps"):
        cls(steps=0)
    with pytest.raises(ValidationError, match="stepz"):
        fitted("sgm edm" if cls is SGM else "flow auto").sample(5, stepz=3)


def test_unknown_settings_of_the_headline(fitted):
    with pytest.raises(ValidationError, match="sigma_t"):
        FlowSGM(sigma_t=3.0)
    with pytest.raises(ValidationError, match="stepz"):
        FlowSGM(flow_settings={"stepz": 3})
    with pytest.raises(ValidationError, match="stepz"):
        fitted("flow_sgm noised").sample(5, stepz=3)


@pytest.mark.parametrize("cls", [SGM, Flow, FlowSGM])
def test_not_fitted(cls, tmp_path):
    model = cls(device="cpu")
    for use in (lambda: model.sample(5), lambda: model.members, lambda: model.save(tmp_path)):
        with pytest.raises(RuntimeError, match="has not been fitted"):
            use()


@pytest.mark.parametrize("kind", ["sgm edm", "flow auto", "flow_sgm noised"])
def test_files_that_are_missing(fitted, kind, tmp_path):
    model = fitted(kind)
    with pytest.raises(InputError, match=r"there is no model in .*nowhere"):
        type(model).load(tmp_path / "nowhere")
    for name in ("model.safetensors", "spec.json", "history.csv"):
        model.save(tmp_path / name)
        for path in (tmp_path / name).rglob(name):
            path.unlink()
        with pytest.raises(InputError, match=f"there is no model in .*{name} is missing"):
            type(model).load(tmp_path / name)


@pytest.mark.parametrize("kind", ["sgm edm", "flow auto", "flow_sgm noised"])
@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"{}", b"[1]", b'{"type": "sg'])
def test_a_damaged_spec(fitted, kind, content, tmp_path):
    fitted(kind).save(tmp_path)
    (tmp_path / "spec.json").write_bytes(content)
    with pytest.raises(InputError, match=r"spec\.json is damaged"):
        type(fitted(kind)).load(tmp_path)


@pytest.mark.parametrize("kind", ["sgm edm", "flow auto", "flow_sgm noised"])
def test_damaged_parameters(fitted, kind, tmp_path):
    fitted(kind).save(tmp_path)
    path = max(tmp_path.rglob("model.safetensors"))
    content = path.read_bytes()
    flipped = content[:-1] + bytes([content[-1] ^ 1])
    for damaged in (b"", content[:-10], flipped):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=r"model\.safetensors is corrupt") as caught:
            type(fitted(kind)).load(tmp_path)
        assert str(path) in str(caught.value)


@pytest.mark.parametrize("row", ["0,1,a,b,c,d", "0,1", "0,1,2,3,4,5,6"])
def test_a_damaged_history(fitted, row, tmp_path):
    fitted("sgm edm").save(tmp_path)
    with (tmp_path / "history.csv").open("a") as file:
        file.write(row + "\n")
    with pytest.raises(InputError, match=r"history\.csv is corrupt"):
        SGM.load(tmp_path)


def test_a_model_of_another_type(fitted, tmp_path):
    fitted("sgm edm").save(tmp_path)
    with pytest.raises(InputError, match="holds a sgm, not a flow"):
        Flow.load(tmp_path)
    with pytest.raises(InputError, match="holds a sgm, not a flow_sgm"):
        FlowSGM.load(tmp_path)


@pytest.mark.parametrize("kind", ["sgm edm", "sgm heavy", "flow auto", "flow noise"])
def test_together_is_each_alone(fitted, kind, block, sample, monkeypatch):
    """Members share one module on a GPU; the same is done here on the CPU."""
    apart = fitted(kind)
    monkeypatch.setattr(trainer, "groups", lambda members, device: [list(range(members))])
    joint = type(apart)(device="cpu", **apart.settings.model_dump())
    joint.fit(block, seed=5, quiet=True)
    for (name, own), (_, other) in zip(
        joint.module.state_dict().items(), apart.module.state_dict().items(), strict=True
    ):
        torch.testing.assert_close(own, other, rtol=2e-3, atol=2e-4, msg=name)
    found = sample(apart, 300)
    monkeypatch.undo()
    np.testing.assert_allclose(found, sample(apart, 300), rtol=1e-5, atol=1e-5)


def test_seeds_of_members_can_be_given(block, small):
    def fit(x, seeds):
        return Flow(device="cpu", **small["flow"]).fit(
            x, seeds=seeds, split_seeds=seeds, members=[7 + s for s in seeds], quiet=True
        )

    both, second = fit(block, [1, 2]), fit(block[1:], [2])
    assert [row["member"] for row in both.history] == [8] * 3 + [9] * 3
    for name, value in second.module.state_dict().items():
        assert torch.equal(both.module.state_dict()[name][1:], value)


def test_models_with_the_same_split_hold_out_the_same_data(block, small, monkeypatch):
    held = {}
    original = trainer.split

    def watching(n, fraction, seeds):
        orders = original(n, fraction, seeds)
        held.setdefault(tuple(seeds), []).append(orders[1].shape[1])
        return orders

    monkeypatch.setattr(trainer, "split", watching)
    small["headline"](sigma_T=1.0).fit(block, quiet=True, seeds=[1, 2], split_seeds=[3, 4])
    assert held == {(3,): [30, 30], (4,): [30, 30]}
