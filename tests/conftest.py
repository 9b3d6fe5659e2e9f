"""What several folders of tests share."""

import contextlib
import functools
import http.server
import threading

import pytest

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


@pytest.fixture(scope="module")
def one_thread():
    """Let torch compute on one: several wait for one another where processors are busy."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
