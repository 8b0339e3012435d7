"""The results of a run, recording by recording, for tests."""

from collections.abc import Sequence
from pathlib import Path

from pipeline.session import batch
from pipeline.session.batch import Result
from pipeline.session.workbench import Workbench


class Results:
    """A listener that keeps all results, as no run of a clinic does."""

    def __init__(self) -> None:
        self.found: list[Result] = []

    def begins(self, number: int, total: int, path: Path) -> None:
        """A recording begins."""

    def stage(self, name: str, state: str) -> None:
        """A stage begins or ends."""

    def ends(self, result: Result) -> None:
        """Keep what a recording came to."""
        self.found.append(result)


def results_of(paths: Sequence[Path], bench: Workbench) -> list[Result]:
    """Run recordings and give what each came to."""
    kept = Results()
    batch.run(paths, bench, kept, options={}, refresh=False)
    return kept.found
