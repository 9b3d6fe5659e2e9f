"""The networks that give features of images, made by torch-fidelity from weights read safely."""

from __future__ import annotations

import io
import pickle
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from urllib.error import URLError

from safetensors import SafetensorError

from tailbench.compute.torchvision_compat import import_torchvision
from tailbench.exceptions import InputError

__all__ = ["extractor", "torch_fidelity"]

NAMES = {"inception": "inception-v3-compat", "classifier": "tailbench-classifier"}
"""What torch-fidelity calls the network of each feature space."""


@cache
def torch_fidelity() -> Any:
    """Import torch-fidelity, also beside a torchvision that was built for another torch.

    The classifier is registered with it as a feature extractor.
    """
    import_torchvision()
    import torch_fidelity

    torch_fidelity.register_feature_extractor(NAMES["classifier"], _classifier_features())
    return torch_fidelity


@lru_cache(maxsize=2)
def extractor(space: str, weights: Path | None, layer: str, device: str) -> Any:
    """Make the network of a feature space, and keep it for the next call.

    Args:
        space: ``"inception"`` or ``"classifier"``.
        weights: File of its weights; Inception's are downloaded if left out.
        layer: Layer whose output is the features.
        device: Where it computes.

    Raises:
        InputError: If the weights cannot be read or are those of another network.
    """
    torch_fidelity()
    from torch_fidelity.utils import create_feature_extractor

    source: Any = _inception_weights(weights) if space == "inception" else weights
    try:
        return create_feature_extractor(
            NAMES[space],
            [layer],
            cuda=device.startswith("cuda"),
            feature_extractor_weights_path=source,
            verbose=False,
        )
    except (RuntimeError, TypeError) as error:
        sentence = " ".join(str(error).split())
        raise InputError(f"{weights} does not fit {NAMES[space]}: {sentence[:200]}") from None


def _inception_weights(path: Path | None) -> io.BytesIO:
    """Read the weights of Inception, or download them, and give them as a file in memory.

    torch-fidelity unpickles whatever a file of weights holds, which may run code. What it gets
    from here has been read as tensors alone and written anew.

    Raises:
        InputError: If they cannot be read or downloaded.
    """
    import torch

    try:
        state = _download() if path is None else _tensors(path)
    except URLError as error:
        raise InputError(
            f"the weights of Inception cannot be downloaded ({error.reason}): give their file as "
            "`weights` of the metric `inception`, or use the metric `classifier`"
        ) from None
    except FileNotFoundError:
        raise InputError(f"the weights of Inception {path} do not exist") from None
    except (RuntimeError, pickle.UnpicklingError, EOFError, SafetensorError) as error:
        sentence = " ".join(str(error).split())
        raise InputError(f"{path} holds no weights that can be read: {sentence[:200]}") from None
    buffer = io.BytesIO()
    torch.save(state, buffer)
    buffer.seek(0)
    return buffer


def _download() -> Any:
    import torch
    from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3

    return torch.hub.load_state_dict_from_url(
        URL_INCEPTION_V3, map_location="cpu", progress=False, check_hash=True, weights_only=True
    )


def _tensors(path: Path) -> Any:
    """Read a file of tensors: safetensors, or torch's own format without code."""
    import torch
    from safetensors.torch import load_file

    if path.suffix == ".safetensors":
        return load_file(path)
    return torch.load(path, map_location="cpu", weights_only=True)


def _classifier_features() -> Any:
    """Return the classifier as torch-fidelity wants it: a subclass of its base of networks."""
    from torch_fidelity.feature_extractor_base import FeatureExtractorBase

    from tailbench.networks.classifier import LAYERS, Classifier

    class ClassifierFeatures(FeatureExtractorBase):
        def __init__(
            self,
            name: str,
            features_list: list[str],
            feature_extractor_weights_path: Path,
            **kwargs: Any,
        ) -> None:
            super().__init__(name, features_list)
            self.network = Classifier.load(feature_extractor_weights_path)

        @staticmethod
        def get_provided_features_list() -> tuple[str, ...]:
            return LAYERS

        @staticmethod
        def get_default_feature_layer_for_metric(metric: str) -> str:
            return "features"

        @staticmethod
        def can_be_compiled() -> bool:
            return False

        def forward(self, input: Any) -> tuple[Any, ...]:
            found = dict(zip(LAYERS, self.network(input), strict=True))
            return tuple(found[name] for name in self.features_list)

    return ClassifierFeatures
