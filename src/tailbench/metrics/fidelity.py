"""Features of images, and distances between sets of them, by torch-fidelity."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tailbench.compute.devices import resolve_device
from tailbench.compute.distributed import processes
from tailbench.exceptions import InputError
from tailbench.metrics.feature_networks import extractor, torch_fidelity

__all__ = ["distances", "features"]

LAYERS = {"inception": "2048", "classifier": "features"}
"""Layer of each feature space whose output is compared."""
BATCH = {"inception": 64, "classifier": 256}
PAIRS = 1000  # rows of distances that are held at once


def features(
    pixels: NDArray[np.uint8],
    space: str,
    weights: Path | None = None,
    device: str = "cpu",
    batch_size: int | None = None,
    layer: str | None = None,
) -> NDArray[np.float32]:
    """Return features of images, shape ``(n, f)``.

    Several processes each take a share of the images, and all get the features of all.

    Args:
        pixels: Images, shape ``(n, C, H, W)``. For Inception grey ones get three equal channels.
        space: ``"inception"`` (its last pooling layer, ``k = 2048``) or ``"classifier"``.
        weights: File of the weights; Inception's are downloaded if left out.
        device: ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:1"``.
        batch_size: Images at a time.
        layer: Another layer of the network, such as ``"logits"``.

    Raises:
        InputError: If the weights cannot be used, or the network takes no such images.
    """
    import torch

    torch_fidelity()
    from torch_fidelity.utils import extract_featuresdict_from_input_id

    channels = pixels.shape[1]
    if space == "inception" and channels not in (1, 3):
        raise InputError(f"Inception takes images of 1 or 3 channels, not of {channels}")
    device = str(resolve_device(device))
    on_gpu = device.startswith("cuda")
    layer = layer or LAYERS[space]
    team = processes()
    divided = 1 < team.count <= len(pixels)
    own = team.share(len(pixels)) if divided else slice(None)
    with ExitStack() as stack:
        if on_gpu:  # the features of a CPU, to rounding
            stack.enter_context(torch.cuda.device(device))
            stack.enter_context(
                torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False)
            )
        found = extract_featuresdict_from_input_id(
            1,
            extractor(space, weights, layer, device),
            input1=_dataset(pixels[own], 3 if space == "inception" else channels),
            batch_size=batch_size or BATCH[space],
            cuda=on_gpu,
            save_cpu_ram=True,  # no processes beside this one
            verbose=False,
        )
    made: torch.Tensor = found[layer]
    if not divided:
        return made.numpy()
    whole = torch.zeros(len(pixels), made.shape[1])
    whole[own] = made
    return team.sum(whole.to(device)).cpu().numpy()


def distances(
    made: NDArray[Any],
    real: NDArray[Any],
    *,
    k: int,
    subsets: int,
    subset_size: int,
    seed: int,
) -> dict[str, float]:
    r"""Compare two sets of features, in double precision.

    - ``fid``: :math:`|\mu_1 - \mu_2|^2 + \mathrm{tr}(C_1 + C_2 - 2 (C_1 C_2)^{1/2})` of the means
      and covariances, in squared units of the features.
    - ``kid``: unbiased squared maximum mean discrepancy with the kernel
      :math:`(x \cdot y / f + 1)^3`, mean over random subsets; may be below zero.
    - ``precision``, ``recall``: share of the made in the balls about the real ones, and of the
      real in the balls about the made ones; a ball reaches to the given neighbour.

    Args:
        made: Features of generated images, shape ``(n, f)``.
        real: Features of real images, shape ``(m, f)``.
        k: Number of the neighbour, below ``n`` and ``m``.
        subsets: Number of subsets.
        subset_size: Size of the subsets, at most ``n`` and ``m``.
        seed: Seed of the subsets, below ``2**32``.

    References:
        Heusel et al., GANs trained by a two time-scale update rule converge to a local Nash
        equilibrium (2017); Binkowski et al., Demystifying MMD GANs (2018); Kynkaanniemi et al.,
        Improved precision and recall metric for assessing generative models (2019).
    """
    import torch

    torch_fidelity()
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
    from torch_fidelity.metric_kid import kid_features_to_metric
    from torch_fidelity.metric_prc import prc_features_to_metric

    both = [torch.from_numpy(np.asarray(x, dtype=np.float64)) for x in (made, real)]
    fid = fid_statistics_to_metric(*map(fid_features_to_statistics, both), verbose=False)
    if subset_size == len(made) == len(real):
        subsets = 1  # each of them would be all images
    kid = kid_features_to_metric(
        *both, kid_subsets=subsets, kid_subset_size=subset_size, rng_seed=seed, verbose=False
    )
    balls = prc_features_to_metric(
        *both,
        prc_neighborhood=k,
        prc_batch_size=PAIRS,
        save_cpu_ram=True,
        verbose=False,
    )
    return {
        "fid": fid["frechet_inception_distance"],
        "kid": kid["kernel_inception_distance_mean"],
        "precision": balls["precision"],
        "recall": balls["recall"],
    }


def _dataset(pixels: NDArray[np.uint8], channels: int) -> Any:
    """Return images as a data set of torch, those of one channel with that many equal ones."""
    import torch
    from torch.utils.data import Dataset

    class Pixels(Dataset[torch.Tensor]):
        def __len__(self) -> int:
            return len(pixels)

        def __getitem__(self, index: int) -> torch.Tensor:
            return torch.from_numpy(pixels[index]).expand(channels, -1, -1)

    return Pixels()
