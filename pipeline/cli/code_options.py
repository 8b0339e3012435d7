"""Options of the commands that score moments against human codes."""

import os
from pathlib import Path

import click

from pipeline.research import Annotations
from pipeline.workspace.database import require
from pipeline.workspace.verdicts import Ledger

FILES = click.Path(dir_okay=False, path_type=Path)

codes = click.option("--codes", multiple=True, type=FILES, help="CSV or ELAN (.eaf).")
verdicts = click.option(
    "--verdicts", is_flag=True, help="Use supervisors' decisions at the desk as codes too."
)
uncertain = click.option(
    "--uncertain", multiple=True, type=FILES, help="Places that count neither way."
)
benign = click.option(
    "--benign", multiple=True, type=FILES, help="Places that must not be flagged."
)
tolerance_ms = click.option(
    "--tolerance-ms", type=click.IntRange(min=0), help="A moment this near to a code is a match."
)
tolerance_utterances = click.option(
    "--tolerance-utterances", type=click.IntRange(min=0), help="The same, in utterances."
)


def processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0))


def annotations(
    workspace: Path,
    codes: tuple[Path, ...],
    uncertain: tuple[Path, ...],
    benign: tuple[Path, ...],
    *,
    verdicts: bool,
) -> Annotations | None:
    """Codes from files and decisions from the desk; None if neither is requested."""
    if not codes and not verdicts:
        return None
    annotated = Annotations.read(codes, uncertain, benign)
    if verdicts:
        require(workspace)
        annotated += Annotations.of_verdicts(Ledger(workspace).all())
    return annotated
