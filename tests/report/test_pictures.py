import doctest
import re

import polars as pl
import pytest
import report_session as made

from pipeline.core import tables as t
from pipeline.core import vocabulary
from pipeline.core.tables import Metadata, Tables
from pipeline.report import cards, figures, labels, number_format, timeline, voice
from pipeline.report.speakers import people
from pipeline.speech import quality


@pytest.mark.parametrize("module", [labels, number_format])
def test_examples_in_docstrings(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]


def _two_turns(**more: pl.DataFrame) -> Tables:
    rows: list[dict[str, object]] = [
        {"turn_id": 0, "speaker": "a", "role": "therapist", "start_ms": 0, "end_ms": 2_000},
        {"turn_id": 1, "speaker": "b", "role": "client", "start_ms": 5_000, "end_ms": 10_000,
         "latency_ms": 3_000},
    ]  # fmt: skip
    silence: dict[str, object] = {
        "silence_id": 0, "start_ms": 2_000, "end_ms": 5_000, "length_ms": 3_000,
        "before_speaker": "a", "after_speaker": "b", "before_role": "therapist",
        "after_role": "client", "kind": "gap", "missed_speech_risk": False, "dropout_ms": 0,
    }  # fmt: skip
    return {"turns": t.TURNS.frame(rows), "silences": t.SILENCES.frame([silence]), **more}


def test_places_are_per_cent_of_the_session() -> None:
    tables = _two_turns()
    view = timeline.whole(tables, people(tables, Metadata()), 20_000, {})
    therapist, overlap, client, silence = view.lanes
    assert (therapist.name, overlap.name, client.name) == ("Therapist", "Overlap", "Client")
    assert [(bar.x, bar.width) for bar in therapist.bars] == [("0%", "10%")]
    assert [(bar.x, bar.width) for bar in client.bars] == [("25%", "25%")]
    assert [(bar.x, bar.width) for bar in silence.bars] == [("10%", "15%")]
    assert "3.0 s" in silence.bars[0].title


def test_a_role_set_later_wins_over_the_role_in_turns() -> None:
    roles = t.ROLES.frame(
        [
            {"speaker": "a", "role": "client", "source": "corrected"},
            {"speaker": "b", "role": "therapist", "source": "corrected"},
        ]
    )
    who = people(_two_turns(roles=roles), Metadata())
    assert [(p.role, p.speakers) for p in who.lanes] == [("therapist", ("b",)), ("client", ("a",))]


def test_share_and_latency() -> None:
    tables = _two_turns()
    who = people(tables, Metadata())
    assert [share.percent for share in figures.shares(tables, who)] == ["29 %", "71 %"]
    rows = {row.name: row.words for row in figures.latencies(tables, who).rows}
    assert rows == {"Therapist answers": "none",
                    "Client answers": "1, median 3.0 s, longest 3.0 s"}  # fmt: skip
    silent = {row.name: len(row.places) for row in figures.silences(tables, who).rows}
    assert silent["Therapist \u2192 client"] == 1
    assert sum(silent.values()) == 1


def test_who_came_in_is_counted_by_kind() -> None:
    _, tables, _ = made.session(minutes=6)
    who = people(tables, Metadata())
    counted = figures.coming_in(tables, who)
    assert sum(sum(person.counts) for person in counted) == tables["overlaps"].height > 0
    unclear = t.OVERLAPS.conform(tables["overlaps"].with_columns(kind=pl.lit(None)))
    counted = figures.coming_in({**tables, "overlaps": unclear}, who)
    assert all(not any(person.counts[:-1]) for person in counted)
    told = tables["diarization"].with_columns(knows_overlap=pl.lit(value=False))
    assert not figures.coming_in({**tables, "diarization": told}, who), "not measured is no zero"


def test_moments_close_together_get_labels_in_rows() -> None:
    recording, tables, _ = made.session()
    moments = tables["moments"].filter(pl.col("kind") != "therapist_move")
    close = moments.with_columns(
        start_ms=60_000 + 5_000 * pl.int_range(pl.len()),
        end_ms=64_000 + 5_000 * pl.int_range(pl.len()),
    )
    crowded = {**tables, "moments": close}
    view = timeline.whole(
        crowded,
        people(crowded, recording.metadata),
        recording.duration_ms,
        cards.numbers(crowded),
    )
    assert len({mark.label_y for mark in view.marks}) == close.height


def test_voice_is_the_clients_only() -> None:
    recording, tables, _ = made.session(minutes=6)
    client = people(tables, recording.metadata).of_role("client")
    assert client
    drawn = voice.pitch(tables, client, recording.duration_ms)
    louder = tables["frames"].with_columns(
        f0_hz=pl.when(pl.col("channel") == 0).then(400.0).otherwise(pl.col("f0_hz"))
    )
    assert voice.pitch({**tables, "frames": louder}, client, recording.duration_ms) == drawn
    assert drawn
    higher = tables["frames"].with_columns(f0_hz=pl.col("f0_hz") * 1.1)
    shifted = voice.pitch({**tables, "frames": higher}, client, recording.duration_ms)
    assert shifted
    assert shifted.bound == drawn.bound, "the client's own median is the middle"


def test_on_one_microphone_the_therapists_voice_is_kept_out() -> None:
    recording, tables, _ = made.session(minutes=6)
    mixed = {
        **tables,
        "spans": tables["spans"].with_columns(channel=pl.lit(None, dtype=pl.Int16)),
        "frames": tables["frames"]
        .with_columns(channel=pl.lit(None, dtype=pl.Int16))
        .unique("t_ms", keep="first", maintain_order=True),
    }
    client = people(mixed, recording.metadata).of_role("client")
    assert client
    frames = voice._frames_of(mixed, client)
    spoken = tables["spans"].filter(pl.col("speaker") == "therapist")
    times = frames["t_ms"]
    for start, end in spoken.select("start_ms", "end_ms").iter_rows():
        assert not times.is_between(start, end, closed="left").any()


def test_no_frames_no_curve() -> None:
    recording, tables, _ = made.transcript_only()
    view = timeline.whole(
        tables, people(tables, recording.metadata), recording.duration_ms, cards.numbers(tables)
    )
    assert not [lane for lane in view.lanes if lane.curve]


def test_every_code_has_words() -> None:
    assert [code for code in labels.MARKERS if code[0] == "W"] == [f"W{n}" for n in range(1, 8)]
    assert [code for code in labels.MARKERS if code[0] == "C"] == [f"C{n}" for n in range(1, 8)]
    assert list(labels.RESOLUTIONS) == [f"R{n}" for n in range(1, 11)]
    assert set(labels.KINDS) == set(vocabulary.MOMENT_KINDS)
    assert set(labels.RESPONSES) == set(vocabulary.RESPONSES) == set(labels.RESPONSE_SENTENCES)
    assert not re.search("resolved", " ".join(labels.RESPONSE_SENTENCES.values()))


def test_every_measure_of_quality_has_a_name() -> None:
    listed = re.findall(
        r"^([a-z]+_?[a-z_]*) +(?:channel|recording) ", quality.__doc__ or "", re.MULTILINE
    )
    assert len(listed) > 10
    assert set(listed) == set(labels.QUALITY)
