"""The command line: commands, exit codes, logging set-up, and nothing else."""

from pipeline.cli.main import main

__all__ = ["main"]
