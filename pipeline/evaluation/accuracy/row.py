"""A row of the table of accuracy, and the data that it needs."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from pipeline import config, research
from pipeline.evaluation import talk_norms
from pipeline.evaluation.material import acted_sessions, counselling, written_sessions
from pipeline.research.reading import excerpts
from pipeline.research.reading.excerpts import Split
from pipeline.session import SessionResult

Numbers = dict[str, float]
ACTED = ("rupture", "benign")
PROFILES = ("default", "screening", "strict")
READING_PROFILES = ("default", "reading")
TWO_UTTERANCES = research.Tolerance(2, "utterances")


class Place:
    """Where the data is, and what several rows share; made when the first of them asks."""

    def __init__(self, data: Path, samples: Path) -> None:
        self.data = data
        self.samples = samples
        self.settings = config.load()
        self._written: dict[Split, dict[str, research.Evaluation]] = {}
        self._scratch = tempfile.TemporaryDirectory(prefix="tether-accuracy-")

    @property
    def scratch(self) -> Path:
        """A folder that vanishes with the process."""
        return Path(self._scratch.name)

    @cached_property
    def processed(self) -> dict[str, SessionResult]:
        """Both acted sessions, processed from their audio."""
        return acted_sessions.process(self.samples, self.scratch / "workspace")

    @cached_property
    def walked_without_words(self) -> dict[str, SessionResult]:
        """The same, without a transcriber."""
        settings = config.load("default", {"engines.transcriber": "none"})
        return acted_sessions.process(self.samples, self.scratch / "workspace", settings)

    @cached_property
    def counselling(self) -> dict[str, research.Evaluation]:
        """Moments of the counselling conversations against their codes, by profile."""
        with tempfile.TemporaryDirectory(prefix="tether-accuracy-") as name:
            folder = Path(name)
            files = counselling.write(self.data / "counselling_text", folder)
            counselling.process(files, folder / "workspace", self.settings)
            said = counselling.said(folder)
            return {
                profile: research.evaluate(
                    folder / "workspace",
                    said,
                    [str(file) for file in files],
                    tolerance=TWO_UTTERANCES,
                    settings=config.load(profile),
                ).evaluation
                for profile in PROFILES
            }

    def written(self, part: Split) -> dict[str, research.Evaluation]:
        """Moments of the excerpts that authors of a part wrote against their codes, by profile."""
        if part not in self._written:
            folder = self.scratch / part
            files = written_sessions.write(excerpts.authors(part), folder)
            counselling.process(files, folder / "workspace", config.load("reading"))
            self._written[part] = {
                profile: research.evaluate(
                    folder / "workspace",
                    written_sessions.said(folder),
                    [str(file) for file in files],
                    tolerance=TWO_UTTERANCES,
                    settings=config.load(profile),
                ).evaluation
                for profile in READING_PROFILES
            }
        return self._written[part]

    @cached_property
    def consultations(self) -> Path:
        """A workspace of acted consultations, in which nobody ruptures anything."""
        return self._consultations("default")

    @cached_property
    def consultations_read(self) -> Path:
        """The same, read by the reader."""
        return self._consultations("reading")

    def _consultations(self, profile: str) -> Path:
        folder = self.scratch / f"consultations-{profile}"
        folder.mkdir()
        notes = talk_norms.consultations(self.data, folder)
        counselling.process(notes, folder / "workspace", config.load(profile))
        return folder / "workspace"


@dataclass(frozen=True)
class Row:
    """A row of the table.

    Attributes
    ----------
    what
        The measure.
    on
        The data, in words.
    needs
        Folders under ``shared/data``; none: ``samples/`` alone.
    measure
        From the place of the data to numbers by name.
    says
        Format of the result; takes the names of the numbers.
    slow
        Left out by ``--quick``.
    held_out
        On material that nobody read and no choice was made by; such rows come first.
    """

    what: str
    on: str
    needs: tuple[str, ...]
    measure: Callable[[Place], Numbers]
    says: str
    slow: bool = False
    held_out: bool = False

    def absent(self, place: Place) -> list[str]:
        """Folders that are needed and not here."""
        return [name for name in self.needs if not (place.data / name).is_dir()]


def spread(errors_ms: Sequence[int]) -> tuple[float, float]:
    """Median and 90th percentile of sizes."""
    sizes = np.abs(errors_ms)
    return float(np.median(sizes)), float(np.percentile(sizes, 90))
