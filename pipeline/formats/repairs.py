"""What a reader repaired or skipped in a file: counted by kind, and reported to people.

A machine's transcript has words that end before they start, cues without a speaker, stray lines.
A reader mends such a place, counts it here and goes on; it refuses a file only where nothing is
left to trust. The sentences reach the report, the summary and ``--json`` through column `repairs`
of the tables `media`, `diarization` and `transcription`, so a run that computes nothing reports
them as well.
"""

from collections import Counter


class Repairs(Counter[str]):
    """Number of places by what was done there, in plain words that quote nothing of the file.

    >>> repairs = Repairs()
    >>> repairs["Lines without a speaker, attributed to nobody"] += 2
    >>> repairs.sentences()
    ('Lines without a speaker, attributed to nobody: 2.',)
    """

    def sentences(self) -> tuple[str, ...]:
        """One sentence for each kind of place, in the order in which they were first met."""
        return tuple(f"{what}: {count}." for what, count in self.items() if count)
