"""Snakemake with the plugin for Slurm as it is, but asking for the state of jobs every second.

The plugin asks ever less often, up to three minutes apart, which suits jobs of hours.
"""

import asyncio
import sys

import snakemake_executor_plugin_slurm as plugin
from snakemake.cli import main


async def _sleep(self: object) -> None:
    await asyncio.sleep(1.0)


plugin.Executor.sleep = _sleep

if __name__ == "__main__":
    main(sys.argv[1:])
