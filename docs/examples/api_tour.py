"""A tour of Tether from Python: two short transcripts, from processing to an evaluation.

::

    python docs/examples/api_tour.py [FOLDER]

It writes into FOLDER, or into a temporary folder that it removes. No recording is needed: a
transcript with times is a session without sound.
"""

import sys
import tempfile
from pathlib import Path

import polars as pl

import pipeline

MONDAY = """role,start_ms,end_ms,text
therapist,0,4000,"How has your week been since we met here the last time?"
client,4200,6000,"You don't listen to me."
therapist,6500,9000,"I'm sorry. What was it like for you when I said that?"
client,9400,14000,"It was all right I suppose and then I went home to my sister."
therapist,14200,18000,"Could you say a bit more about your sister and the house?"
client,24200,26000,"She is well."
therapist,60000,64000,"And what would you like to talk about today?"
client,64200,66000,"I don't see how this is supposed to help."
"""
TUESDAY = MONDAY.replace("You don't listen to me.", "It was a quiet week, thank you.")

# What a person coded: in S-1 a complaint (C1) and a topic shift (W4), in S-2 a complaint (C5).
CODES = """session,start_ms,marker
S-1,4500,C1
S-1,30000,W4
S-2,64500,C5
"""


def main(folder: Path) -> None:
    """Process, look, export, score, compare."""
    for name, code, text in (("monday", "S-1", MONDAY), ("tuesday", "S-2", TUESDAY)):
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
        notes = f"{{code: {code}, language: en}}\n"
        (folder / f"{name}.csv.yaml").write_text(notes, encoding="utf-8")
    (folder / "codes.csv").write_text(CODES, encoding="utf-8")
    workspace = folder / "workspace"

    print("== process ==")
    done = pipeline.run([folder / "monday.csv", folder / "tuesday.csv"], workspace=workspace)
    for recording in done.recordings:
        print(recording.path.name, recording.status, recording.error or "")

    with pipeline.open_workspace(workspace) as ws:
        print("\n== look ==")
        for session in ws.sessions:
            print(session.name, session.duration_ms, "ms,", session.moments.height, "moments")
            # Every table is a polars frame; null means "could not be measured".
            turns = session.table("turns").filter(pl.col("role") == "client")
            print("  median words of the client's turns:", turns["n_words"].median())
        first = ws.sessions[0]
        print(first.moments.select("kind", "marker", "start_ms", "end_ms", "score"))
        print(ws[first.id[:6]].table("measures").columns)

        print("\n== export ==")
        for file in first.export("csv", folder / "tables", ["turns", "moments"]):
            print(file.name.removeprefix(f"{first.id[:12]}-"))

        print("\n== score ==")
        codes = pipeline.read_codes(folder / "codes.csv")
        result = pipeline.evaluate(ws, codes, tolerance_ms=10_000)
        for kind in ("withdrawal", "confrontation"):
            tally = result.evaluation.tally(kind)
            interval = result.evaluation.intervals(kind)["recall"]
            print(kind, "events", tally.events, "recall", tally.recall, "interval", interval)
        missed = result.evaluation.events.filter(pl.col("moment_id").is_null())
        print("missed:", missed.select("session", "kind", "markers", "start_ms").rows())

        print("\n== compare ==")
        mine = pipeline.load_settings("default", {"rules": ["withdrawal"]})
        changes = pipeline.compare(ws, "default", mine, codes)
        other = changes.moments.filter(pl.col("change") != "same")
        print(other.select("session", "kind", "change", "start_ms_a").rows())

    print("\n== a mistake ==")
    try:
        pipeline.load_settings("strct")
    except pipeline.TetherError as error:
        print(f"found: {error.found}\nexpected: {error.expected}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(Path(temporary))
