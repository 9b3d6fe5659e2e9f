"""The machine: what it is, whether its device computes, and which packages it lacks."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

from tailbench.compute.devices import resolve_device
from tailbench.exceptions import InputError

__all__ = ["ROOT", "WHEELS", "check", "describe", "missing_wheels"]

ROOT = Path(__file__).resolve().parents[2]
WHEELS = Path(__file__).with_name("wheels.txt")


def said(*command: str) -> str:
    """Return what a command prints; nothing if it fails or there is none such."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def describe(device: str) -> dict[str, Any]:
    """Describe where records are made: card, driver, versions and commit."""
    import torch

    found: dict[str, Any] = {
        "commit": said("git", "rev-parse", "--short", "HEAD") or "unknown",
        "changed": bool(said("git", "status", "--porcelain", "--untracked-files=no")),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cores": os.cpu_count(),
        "processor": _processor(),
        "threads": torch.get_num_threads(),
        "card": f"no GPU ({platform.machine()})",
    }
    if resolve_device(device).type != "cuda":
        return found
    card = torch.cuda.get_device_properties(resolve_device(device))
    driver = said("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader")
    return found | {
        "card": card.name,
        "memory_gib": round(card.total_memory / 2**30, 1),
        "capability": f"{card.major}.{card.minor}",
        "driver": driver.partition("\n")[0] or "unknown",
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
    }


def _processor() -> str:
    """Return the name of the processor, and the widest instructions that torch uses on it."""
    import torch

    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{(names or [platform.machine()])[0]}, {torch.backends.cpu.get_cpu_capability()}"


def missing_wheels(path: Path = WHEELS) -> list[str]:
    """List the packages that the parts need and that this environment lacks, as pip wants them."""
    lines = (line.partition("#")[0].strip() for line in path.read_text().splitlines())
    return [name for name in lines if name and not _installed(name.partition("==")[0])]


def _installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def check(device: str) -> None:
    """Check that the device computes what the CPU computes, and that no package is missing.

    Raises:
        InputError: If not.
    """
    if missing := missing_wheels():
        raise InputError(f"packages are missing (benchmarks/gpu/wheels.txt): {', '.join(missing)}")
    import torch

    place = resolve_device(device)
    x = torch.randn(256, 256, generator=torch.Generator().manual_seed(0))
    wanted = x.double() @ x.double()
    for kind, most in ((torch.float64, 1e-12), (torch.float32, 1e-3), (torch.bfloat16, 3e-2)):
        moved = x.to(place, kind)
        off = float((moved @ moved).cpu().double().sub(wanted).norm() / wanted.norm())
        if not off < most:
            raise InputError(f"{place} multiplies matrices of {kind} wrongly: {off:.2g} off")
