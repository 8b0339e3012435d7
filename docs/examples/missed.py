"""What is still missed, and what the client said there."""

from pathlib import Path

import polars as pl

from pipeline import config, research

coded = research.Annotations.read([Path("codes.csv")], benign=[Path("benign.csv")])
result = research.evaluate(
    Path("workspace"),
    coded,
    ["sessions/s-01.csv", "sessions/s-02.csv", "sessions/s-04.csv", "sessions/s-05.csv"],
    tolerance=research.Tolerance(1, "utterances"),
    settings=config.load("mine.yaml"),
)
withdrawal = result.evaluation.tally("withdrawal")
print("withdrawal:", withdrawal.found, "of", withdrawal.events, "found, F1", withdrawal.f1)

missed = result.evaluation.events.filter(pl.col("moment_id").is_null())
turns = {case.name: case.tables["turns"] for case in result.study.cases}
for event in missed.iter_rows(named=True):
    said = turns[event["session"]].filter(pl.col("start_ms") == event["start_ms"])
    print(event["session"], event["markers"], said["text"].to_list())
