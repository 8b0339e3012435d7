"""The session as a table: what each stretch holds, counted once."""

import polars as pl
import report_session as made

from pipeline.report.speakers import people
from pipeline.report.timeline_table import stretches


def test_stretches_hold_what_the_tables_hold() -> None:
    recording, tables, _ = made.session()
    who = people(tables, recording.metadata)
    table = stretches(tables, who, recording.duration_ms, {0: 1, 1: 2, 2: 3, 3: 4})
    assert len(table.rows) == 9
    assert table.rows[0].time == "00:00\u201305:00"
    columns = dict(
        zip(table.columns, zip(*(r.cells for r in table.rows), strict=True), strict=True)
    )
    assert sum(map(int, columns["Overlaps"])) == tables["overlaps"].height
    long = tables["silences"].filter((pl.col("length_ms") >= 1000) & (pl.col("kind") != "edge"))
    told = [0 if cell == "none" else int(cell.partition(",")[0])
            for cell in columns["Silences of 1 s or longer"]]  # fmt: skip
    assert sum(told) == long.height
    client = tables["turns"].filter(role="client")
    first = client.select(
        (pl.col("end_ms").clip(upper_bound=300_000) - pl.col("start_ms")).clip(lower_bound=0).sum()
    ).item()
    assert columns["Client has the floor"][0] == f"{100 * first / 300_000:.0f} %"
    rest_ms = recording.duration_ms - 8 * 300_000
    last = client.select(
        (pl.col("end_ms") - pl.col("start_ms").clip(lower_bound=8 * 300_000))
        .clip(lower_bound=0)
        .sum()
    ).item()
    assert columns["Client has the floor"][-1] == f"{100 * last / rest_ms:.0f} %"
    numbers = [number for row in table.rows for number, _ in row.moments]
    assert numbers == [1, 2, 3, 4]
    assert all(cell.endswith(" semitones") for cell in columns["Client pitch"])


def test_nothing_is_told_of_voices_and_overlaps_that_were_not_measured() -> None:
    recording, tables, _ = made.transcript_only()
    tables = {**tables, "diarization": tables["diarization"].with_columns(knows_overlap=False)}
    table = stretches(tables, people(tables, recording.metadata), recording.duration_ms, {})
    assert table.columns == (
        "Therapist has the floor", "Client has the floor", "Silences of 1 s or longer",
    )  # fmt: skip
