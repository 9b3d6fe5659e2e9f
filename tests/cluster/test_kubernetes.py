"""A dry run of the profile for Kubernetes, with an empty storage on this machine."""

import http.server
import importlib.util
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
APART = Path(__file__).resolve().parents[2] / ".venv" / "kubernetes"
"""Where `make test-cluster` puts the plugins, which every start of Snakemake would import."""
PLUGINS = ("snakemake_executor_plugin_kubernetes", "snakemake_storage_plugin_s3")


class Empty(http.server.BaseHTTPRequestHandler):
    """A storage that has nothing."""

    def do_HEAD(self):
        self.server.asked.append(self.path)
        self.send_response(404)
        self.end_headers()

    do_GET = do_HEAD

    def log_message(self, *_):
        pass


@pytest.fixture
def storage():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Empty) as server:
        server.asked = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_a_dry_run_says_what_each_pod_asks_for(fresh, storage):
    missing = [name for name in PLUGINS if importlib.util.find_spec(name) is None]
    if missing and not APART.is_dir():
        pytest.skip(f"Kubernetes: {', '.join(missing)} not installed: `make test-cluster`")
    environment = fresh.environment(
        SNAKEMAKE_STORAGE_S3_ACCESS_KEY="nobody", SNAKEMAKE_STORAGE_S3_SECRET_KEY="nothing"
    )
    if missing:
        environment["PYTHONPATH"] += f"{os.pathsep}{APART}"
    fresh.preset("smoke")
    fresh.configure(lambda config: config.update(device="auto"))
    done = subprocess.run(
        [
            *(sys.executable, "-m", "snakemake", "--dry-run"),
            *("-s", f"{fresh.repo}/Snakefile", "--configfile", "config.yaml"),
            *("--profile", f"{fresh.repo}/profiles/kubernetes"),
            *("--storage-s3-endpoint-url", f"http://127.0.0.1:{storage.server_port}"),
        ],
        cwd=fresh.run,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout
    asked = re.findall(r"(train|sample|evaluate|report): .*\((.*)\)", done.stdout)
    assert {
        ("train", "1 GPU, 1 CPU, 4000 MB, 15 min"),
        ("sample", "1 GPU, 1 CPU, 4000 MB, 15 min"),
        ("evaluate", "0 GPU, 1 CPU, 1500 MB, 15 min"),
    } <= set(asked)
    assert "s3://my-bucket/tailbench/results/default/metrics.csv" in done.stdout
    assert storage.asked
