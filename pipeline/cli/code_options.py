"""Options of the commands that score moments against human codes."""

import os
from pathlib import Path

import click

from pipeline.core.errors import ConfigError
from pipeline.research import Annotations, Tolerance
from pipeline.workspace.database import require
from pipeline.workspace.verdicts import Ledger

FILES = click.Path(dir_okay=False, path_type=Path)

codes = click.option("--codes", multiple=True, type=FILES, help="CSV or ELAN (.eaf).")
verdicts = click.option(
    "--verdicts", is_flag=True, help="What supervisors decided at the desk serves as codes too."
)
uncertain = click.option(
    "--uncertain", multiple=True, type=FILES, help="Places that count neither way."
)
benign = click.option(
    "--benign", multiple=True, type=FILES, help="Places that must not be flagged."
)
tolerance_ms = click.option(
    "--tolerance-ms", type=click.IntRange(min=0), help="A moment this near has found it."
)
tolerance_utterances = click.option(
    "--tolerance-utterances", type=click.IntRange(min=0), help="The same in utterances."
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
    """What people coded in files, and decided at the desk; None: neither is asked for."""
    if not codes and not verdicts:
        return None
    said = Annotations.read(codes, uncertain, benign)
    if verdicts:
        require(workspace)
        said += Annotations.of_verdicts(Ledger(workspace).all())
    return said


def tolerance(ms: int | None, utterances: int | None) -> Tolerance | None:
    """How near a moment must be; None: as the settings say.

    Raises
    ------
    ConfigError
        Both are given.
    """
    if ms is not None and utterances is not None:
        raise ConfigError(
            "--tolerance-ms and --tolerance-utterances", expected="one of the two, or neither"
        )
    if utterances is not None:
        return Tolerance(utterances, "utterances")
    return None if ms is None else Tolerance(ms, "ms")
