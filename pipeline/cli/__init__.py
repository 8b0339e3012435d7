"""The command line: commands, exit codes and logging."""

from pipeline.cli.main import main

__all__ = ["main"]
