import pandas as pd, json
from typer.testing import CliRunner
from tailbench.pipeline import cli
from tailbench.pipeline.recording import new_methods
from in_process import make_targets
import time

def test_it(record_folder, tmp_path, monkeypatch):
    print((record_folder/"record.json").read_text()[:3000]); print((record_folder/"contents.csv").read_text())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(new_methods, "run_snakemake", make_targets)
    (tmp_path/"mine.yaml").write_text("models: {mine: {type: mvt}}\nmethods: {mine: {type: mvt, model: mine}, again: {type: kde, model: kde}}\n")
    t=time.time()
    r = CliRunner().invoke(cli.app, ["rank","mine.yaml","--record",str(record_folder)], catch_exceptions=False)
    print(r.output, time.time()-t)
    import subprocess
    print(subprocess.run("find results | sort | head -150; cp results/rank-mine/report.html /tmp/w/rankx/", shell=True,capture_output=True,text=True).stdout)
    assert 0
