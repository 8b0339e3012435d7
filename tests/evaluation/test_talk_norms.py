"""Other people's transcripts go through every stage, and people take turns in them as is known."""

from functools import reduce
from itertools import pairwise
from operator import add
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipeline.core.tables import UNITS
from pipeline.evaluation import talk_norms
from pipeline.evaluation.talk_norms import Tables


def unit(start_ms: int, end_ms: int, speaker: str) -> dict[str, object]:
    return {
        "unit_id": start_ms,
        "turn_id": 0,
        "speaker": speaker,
        "start_ms": start_ms,
        "end_ms": end_ms,
    }


def test_a_unit_inside_anothers_changes_no_floor() -> None:
    units = UNITS.frame(
        [unit(0, 2000, "A"), unit(500, 900, "B"), unit(1800, 3000, "B"), unit(3100, 4000, "A")]
    )
    assert list(talk_norms.changes_of_floor(units)) == [-200, 100]


def check(tables: Tables) -> None:
    """What must hold of any session."""
    duration_ms = tables["media"]["duration_ms"][0]
    spans, silences, turns = tables["spans"], tables["silences"], tables["turns"]
    marks = sorted([*spans.select("start_ms", "end_ms").rows()])
    speech: list[tuple[int, int]] = []
    for start, end in marks:
        if speech and start <= speech[-1][1]:
            speech[-1] = (speech[-1][0], max(speech[-1][1], end))
        else:
            speech.append((start, end))
    parts = sorted([*speech, *silences.select("start_ms", "end_ms").rows()])
    assert (parts[0][0], parts[-1][1]) == (0, duration_ms)
    assert all(before[1] == after[0] for before, after in pairwise(parts))
    assert turns["n_words"].sum() == tables["words"].height
    assert set(tables["units"]["turn_id"]) == set(turns["turn_id"])
    assert turns["latency_ms"].drop_nulls().abs().max() < duration_ms
    overlaps = tables["overlaps"]
    assert (overlaps["holder"] != overlaps["other"]).all()
    assert overlaps.join(turns, left_on="holder_turn", right_on="turn_id").height == overlaps.height


@pytest.mark.slow
def test_everyday_talk(shared_data: Path, tmp_path: Path) -> None:
    sidecars = talk_norms.everyday_talk(shared_data, tmp_path)
    processed = talk_norms.process(sidecars, tmp_path / "workspace")
    assert len(processed) == len(sidecars) > 0
    for tables in processed.values():
        check(tables)
    found = reduce(add, map(talk_norms.norms, processed.values()))
    gaps = np.array(found.gaps_ms)
    # Published of 21 conversations, of which these are 12: +90 ms, 28 %, 10.8 %; 43 an hour.
    assert np.median(gaps) == pytest.approx(90, abs=30)
    assert np.mean(gaps < 0) == pytest.approx(0.28, abs=0.05)
    assert np.mean(gaps > 1000) == pytest.approx(0.108, abs=0.03)
    assert found.per_hour(found.long_silences) == pytest.approx(43, abs=10)


@pytest.mark.slow
def test_consultations(shared_data: Path, tmp_path: Path) -> None:
    sidecars = talk_norms.consultations(shared_data, tmp_path)
    processed = talk_norms.process(sidecars, tmp_path / "workspace")
    assert len(processed) == len(sidecars) > 0
    for tables in processed.values():
        check(tables)
        assert dict(tables["roles"].select("speaker", "role").iter_rows()) == {
            "therapist": "therapist",
            "client": "client",
        }
    kinds = pl.concat([tables["overlaps"] for tables in processed.values()])["kind"]
    assert set(kinds.drop_nulls()) == {
        "backchannel",
        "cooperative",
        "floor_taking",
        "failed_attempt",
    }
