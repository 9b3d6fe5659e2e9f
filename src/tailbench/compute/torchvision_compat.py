"""The import of torchvision, which diffusers and torch-fidelity need, beside any build of torch."""

from __future__ import annotations

import importlib
import sys
from functools import cache
from typing import Any

__all__ = ["import_torchvision"]

SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


@cache
def import_torchvision() -> Any:
    """Import torchvision, also where its operators do not load.

    A package index offers torchvision built for CUDA. Beside a CPU build of torch its operators
    are missing, and its import fails as it describes two of them to torch. Nothing here uses an
    operator: declaring the two lets the import pass.

    Returns:
        What has to live as long as the declarations: a ``torch.library.Library``, or ``None`` if
        nothing had to be declared or there is no torchvision.

    Raises:
        RuntimeError: If the import fails for another reason.
    """
    try:
        importlib.import_module("torchvision")
    except ModuleNotFoundError:
        return None
    except RuntimeError as error:
        if "torchvision::nms does not exist" not in str(error):
            raise
    else:
        return None
    import torch

    library = torch.library.Library("torchvision", "FRAGMENT")
    for schema in SCHEMAS:
        library.define(schema)
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]
    importlib.import_module("torchvision")
    return library
