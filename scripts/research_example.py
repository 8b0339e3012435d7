"""An experiment from Python: what coded ruptures are missed, and what other settings change.

::

    python scripts/research_example.py WORKSPACE codes.csv mine.yaml
"""

import sys
from pathlib import Path

import polars as pl

from pipeline import config, research


def main(workspace: Path, codes: Path, settings: str) -> None:
    """Print how well moments agree with codes, what is missed, and what other settings change."""
    said = research.Annotations.read([codes])
    result = research.evaluate(workspace, said, tolerance=research.Tolerance(10_000, "ms"))
    for kind in ("withdrawal", "confrontation"):
        tally = result.evaluation.tally(kind)
        interval = result.evaluation.intervals(kind)["recall"]
        print(kind, "events", tally.events, "recall", tally.recall, "interval", interval)

    missed = result.evaluation.events.filter(pl.col("moment_id").is_null())
    print(missed.select("session", "kind", "markers", "start_ms"))

    # Every table of a session is a polars frame: how long were the client's turns there?
    for case in result.study.cases:
        turns = case.tables["turns"].filter(pl.col("role") == "client")
        print(case.recording.short_id, "median words a turn", turns["n_words"].median())

    changes = research.compare(workspace, None, config.load(settings), said)
    print(changes.moments.filter(pl.col("change") != "same").select("kind", "change", "start_ms_a"))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
