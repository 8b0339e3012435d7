"""What a supervisor should know before trusting a moment, in sentences."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from pipeline.core.tables import Tables
from pipeline.rules.detection.abstentions import Abstention

SMALL_BASELINE = (
    "Small baseline: too little data in this session to know what is typical for this pair; "
    "general thresholds were used."
)
QUIET_VOICE = (
    "There may be quiet speech or lost signal in a silence that counts here: listen to it."
)
RECOGNISED = (
    "Automatic transcript without word-level timing: wording may be wrong, and a word may belong "
    "to the neighbouring turn."
)
IMPORTED = "Transcript without word-level timing: a word may belong to the neighbouring turn."
INFERRED = "The therapist's role was inferred, not given."


class Caveats:
    """Caveats of one session's moments; the tables are read once.

    Parameters
    ----------
    tables
        `words`, `transcription`, `turns`, `silences`, `roles`.
    abstentions
        Rules that were not used.
    """

    def __init__(self, tables: Tables, abstentions: Iterable[Abstention]) -> None:
        silences = tables["silences"]
        risky = silences["missed_speech_risk"].to_numpy()
        self._risky = set(silences["silence_id"].to_numpy()[risky].tolist())
        imported = (tables["transcription"]["engine"] == "imported").any()
        self._untimed_words = IMPORTED if imported else RECOGNISED
        words = tables["words"]
        interpolated = (words["timing"] == "interpolated").to_numpy()
        # Words are mostly in order already, which makes a stable sort fast.
        self._interpolated_ms = np.sort(words["start_ms"].to_numpy()[interpolated], kind="stable")
        self._inferred = bool((tables["roles"]["source"] == "inferred").any())
        self._abstentions = tuple(abstentions)

    def of(
        self,
        kind: str,
        silences: Iterable[int],
        shown_ms: tuple[int, int] | None,
        *,
        small_baseline: bool,
    ) -> list[str]:
        """Caveats of a moment.

        Parameters
        ----------
        silences
            Ids of the silences that count in the moment.
        shown_ms
            Start of the first and end of the last turn shown, if words count in the moment.
        small_baseline
            A clause of its evidence was set aside.
        """
        return list(self._sentences(kind, silences, shown_ms, small_baseline=small_baseline))

    def _sentences(
        self,
        kind: str,
        silences: Iterable[int],
        shown_ms: tuple[int, int] | None,
        *,
        small_baseline: bool,
    ) -> Iterator[str]:
        if small_baseline:
            yield SMALL_BASELINE
        if not self._risky.isdisjoint(silences):
            yield QUIET_VOICE
        if shown_ms is not None:
            first, last = np.searchsorted(self._interpolated_ms, (shown_ms[0], shown_ms[1] + 1))
            if last > first:
                yield self._untimed_words
        if self._inferred:
            yield INFERRED
        yield from self._of_kind(kind)

    def _of_kind(self, kind: str) -> Sequence[str]:
        sentences = []
        for each in self._abstentions:
            if each.kind == kind:
                what = "Exceptions" if each.guards_only else "Rules"
                because = each.because.rstrip(".")
                sentences.append(f"{what} based on {each.family} were not checked: {because}.")
        return list(dict.fromkeys(sentences))
