"""What several folders of tests share."""

import contextlib
import functools
import http.server
import os
import subprocess
import sys
import threading

import pytest

# Before anything imports torch or numpy: as many processes as processors run tests side by side,
# and sums over several threads would depend on the machine.
os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

from workspaces import checkout, finished, fresh, work  # noqa: F401


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder and logs nothing."""

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def serve():
    """Serve a folder on this machine while a block runs, and give its address."""

    @contextlib.contextmanager
    def on(folder):
        handler = functools.partial(QuietHandler, directory=folder)
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield f"http://127.0.0.1:{server.server_port}"
            server.shutdown()

    return on


@pytest.fixture(scope="session")
def fabricated(tmp_path_factory):
    """A results folder made up from thin air; read it only, or copy it first."""
    from fabricate import fabricate

    return fabricate(tmp_path_factory.mktemp("fabricated"))


@pytest.fixture
def small_disk():
    """Put a disk of some bytes at a folder, which only root can do."""
    mounted = []

    def at(folder, size):
        folder.mkdir(parents=True, exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
        try:
            done = subprocess.run(command, capture_output=True, text=True)
        except FileNotFoundError:
            pytest.skip("there is no command 'mount'")
        if done.returncode:
            pytest.skip(f"no small disk can be mounted here: {done.stderr.strip()}")
        mounted.append(folder)
        return folder

    yield at
    for folder in mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def fill():
    """Fill the disk of a folder up to some bytes, by a file that is to be deleted."""

    def until(folder, free):
        found = os.statvfs(folder)
        filler = folder / "filler"
        filler.write_bytes(bytes(found.f_bavail * found.f_frsize - free))
        return filler

    return until


@pytest.fixture(autouse=True)
def one_thread():
    """Take back what a stage that ran in this process has set."""
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


TOGETHER = ("tests/cluster", "tests/browser")
"""Folders whose tests share one Slurm or one browser."""


def pytest_collection_modifyitems(items):
    """Keep the tests of a module, or of a folder above, in one process: they share fixtures."""
    for item in items:
        module = item.path.relative_to(item.config.rootpath).as_posix()
        folder = next((name for name in TOGETHER if module.startswith(name)), None)
        item.add_marker(pytest.mark.xdist_group(folder or module))
