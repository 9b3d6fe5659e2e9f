"""What a training has made, kept until the run that asked for it has ended well.

A job can die after its training has ended, while its end is noted: the workflow then removes what
the job made, and would train again from the first step. Hard links keep it, and take no space.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from tailbench.exceptions import InputError
from tailbench.io.atomic import replacing
from tailbench.io.checksums import SUMS, read_plain, verified, write_record

__all__ = ["discard_preserved", "preserve_model", "restore_model"]

RECORD = "finished.json"


def preserve_model(state: Path, key: str, files: Sequence[Path], what: str) -> None:
    """Keep files that a training has made, in place of what was kept before.

    Where the file system has no hard links nothing is kept, and the log says so.

    Args:
        state: The folder of the training's states; a folder beside it keeps the files.
        key: Digest of all that the training depends on.
        files: The files, of different names, with their checksums.
        what: What to call the training in messages.
    """
    try:
        with replacing(_place(state)) as folder:
            folder.mkdir()
            for file in files:
                os.link(file, folder / file.name)
            write_record(folder / RECORD, {"key": key})
    except OSError as error:
        print(f"{what}: warning: could not keep a backup copy of the model: {error}", flush=True)


def restore_model(state: Path, key: str, files: Sequence[Path], what: str) -> bool:
    """Put files that were kept back in their places, with the time of now.

    Args:
        state: The folder of the training's states.
        key: Digest of all that the training depends on; what was kept for another is not used.
        files: Where to put them.
        what: What to call the training in messages.

    Returns:
        Whether all of them were there, as they were made.
    """
    kept = [_place(state) / file.name for file in files]
    try:
        if read_plain(_place(state) / RECORD).get("key") != key:
            return False
        for file in kept:
            if file.name != SUMS:
                verified(file)
    except InputError:
        return False
    for source, file in zip(kept, files, strict=True):
        with replacing(file) as temporary:
            os.link(source, temporary)
            os.utime(temporary)
    print(f"{what}: restored the model of an earlier job that finished training and then failed")
    return True


def discard_preserved(states: str | Path) -> None:
    """Let go of all that is kept for trainings.

    Args:
        states: The folder of the states of all trainings, by dataset and model.
    """
    for folder in Path(states).glob(f"*/*/{_place(Path('*')).name}"):
        shutil.rmtree(folder, ignore_errors=True)


def _place(state: Path) -> Path:
    return state.with_name(f"{state.name}.finished")
