"""The measures of diarization, held against those of pyannote.metrics."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluation.errors.diarization import DiarizationError, Span, diarization_error, naming


@st.composite
def talks(draw: st.DrawFn, names: str) -> list[Span]:
    """Spans on a grid of 10 ms, in which nobody speaks twice at once."""
    spans: list[Span] = []
    for name in names:
        at = 0
        for _ in range(draw(st.integers(1, 5))):
            start = at + 10 * draw(st.integers(1, 40))
            at = start + 10 * draw(st.integers(1, 60))
            spans.append((start, at, name))
    return sorted(spans)


@given(talks("ABC"), talks("xy"))
def test_the_rate_is_that_of_pyannote_metrics(reference: list[Span], found: list[Span]) -> None:
    diarization = pytest.importorskip("pyannote.metrics.diarization")
    core = pytest.importorskip("pyannote.core")

    def annotation(spans: list[Span]) -> object:
        made = core.Annotation()
        for number, (start, end, name) in enumerate(spans):
            made[core.Segment(start / 1000, end / 1000), number] = name
        return made

    metric = diarization.DiarizationErrorRate()
    whole = core.Timeline([core.Segment(0, 20)])
    wanted = metric(annotation(reference), annotation(found), uem=whole)
    assert diarization_error(reference, found).rate == pytest.approx(wanted, abs=1e-6)


def test_overlap_that_is_not_told_is_missed() -> None:
    reference = [(0, 1000, "A"), (500, 1500, "B")]
    found = [(0, 750, "x"), (750, 1500, "y")]
    assert naming(reference, found) == {"x": "A", "y": "B"}
    assert diarization_error(reference, found) == DiarizationError(200, 50, 0, 0)
