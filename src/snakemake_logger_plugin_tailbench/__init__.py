"""``snakemake --logger tailbench``: a panel on a terminal, one line for each finished job in a log.

Snakemake finds loggers by the names of packages, ``snakemake_logger_plugin_*``, and imports this
one at every start: what draws is imported where it is used.
"""

from __future__ import annotations

import os
import sys
from logging import LogRecord
from pathlib import Path

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.settings import LogHandlerSettingsBase

__all__ = ["LogHandler", "LogHandlerSettings"]


class LogHandlerSettings(LogHandlerSettingsBase):
    """There are none."""


class LogHandler(LogHandlerBase):
    """Hand every record to ``tailbench.pipeline.runtime.run_log``."""

    writes_to_stream = True
    writes_to_file = False
    has_filter = True
    has_formatter = True
    needs_rulegraph = False

    def __post_init__(self) -> None:
        """Choose a panel or lines by where the output goes."""
        from tailbench.pipeline.runtime.run_display import Display, Lines, Panel
        from tailbench.pipeline.runtime.run_log import RunLog

        settings = self.common_settings
        stream = sys.stdout if settings.stdout else sys.stderr
        display: Display = Lines(stream)
        if not settings.dryrun and stream.isatty():
            from rich.console import Console

            console = Console(stderr=True, no_color=settings.nocolor or None)
            if not console.is_dumb_terminal:
                display = Panel(console)
        self._log = RunLog(display, settings.dryrun)
        self._open = True

    def emit(self, record: LogRecord) -> None:
        """Show a record."""
        event = getattr(record, "event", None)
        try:
            self._log.record(
                str(event or ""), record.levelno, str(record.msg), record.__dict__, record.created
            )
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        """End the panel, and say how the run has ended; Python closes handlers a second time."""
        if not self._open:
            return
        self._open = False
        from tailbench.pipeline.runtime.run_log import OUTCOME

        outcome = self._log.close()
        if path := os.environ.get(OUTCOME):
            Path(path).write_text(f"{outcome}\n{Path.cwd()}", encoding="utf-8")
        super().close()
