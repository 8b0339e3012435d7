"""What a reader makes of a turn becomes a hit: of its marker, as strong as it is sure."""

import csv
from collections.abc import Mapping
from pathlib import Path

import pytest

from pipeline import config
from pipeline.core.tables import Tables
from pipeline.core.vocabulary import MARKERS
from pipeline.engines.scripted import ScriptedReader
from pipeline.session import SessionResult, intake
from pipeline.session.workbench import Workbench

ASKED = "What would you say we look at the diary together now?"
REPLY = "Right, then the diary is what it shall be, like every week."
LINES = [
    ("therapist", "Good morning, come in and sit down wherever you like."),
    ("client", "Thank you, I had a long way here and the bus was full."),
    ("therapist", ASKED),
    ("client", REPLY),
    ("therapist", "Tell me what you wrote down for Wednesday evening."),
    ("client", "On Wednesday I cooked for the children and we played cards."),
]


def processed(
    folder: Path,
    shown: Mapping[str, Mapping[str, float]] | None,
    lines: list[tuple[str, str]] = LINES,
    settings: dict[str, object] | None = None,
) -> SessionResult:
    path = folder / "talk.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["role", "start_ms", "end_ms", "text"])
        for number, (role, text) in enumerate(lines):
            writer.writerow([role, number * 8000, number * 8000 + 7000, text])
    engines = {} if shown is None else {"reader": ScriptedReader(shown)}
    bench = Workbench(
        config.load("reading", settings),
        folder / "workspace",
        engines=engines,
    )
    try:
        (named,) = intake.discover([path])
        return bench.process(intake.read(named, {"language": "en"}, consent=False))
    finally:
        bench.catalogue.close()


def read_hits(tables: Tables) -> list[dict[str, object]]:
    return [hit for hit in tables["hits"].to_dicts() if hit["rule"].startswith("reads-as-")]


@pytest.mark.parametrize("marker", MARKERS)
def test_a_reading_flags_its_marker_as_strongly_as_it_is_sure(marker: str, tmp_path: Path) -> None:
    tables = processed(
        tmp_path, {REPLY: {marker: 0.85, "W1" if marker != "W1" else "C1": 0.1}}
    ).tables
    (hit,) = read_hits(tables)
    assert (hit["marker"], hit["kind"]) == (marker, MARKERS[marker])
    assert hit["weight"] == pytest.approx(0.95)
    assert hit["item_ids"] == [3]
    (moment,) = tables["moments"].to_dicts()
    assert (moment["marker"], moment["kind"]) == (marker, MARKERS[marker])
    texts = [clause["text"] for clause in hit["clauses"]]  # type: ignore[attr-defined]
    assert any(REPLY in text for text in texts)
    assert any("an example" in text for text in texts)
    observed = " ".join(clause["observed"] for clause in hit["clauses"])  # type: ignore[attr-defined]
    assert "reads_as_rupture" in observed
    assert REPLY not in observed  # a decision copies what was observed, and no word


def test_an_unsure_reading_flags_nothing_and_another_threshold_does(tmp_path: Path) -> None:
    shown = {REPLY: {"W5": 0.2}}
    assert read_hits(processed(tmp_path, shown).tables) == []
    low: dict[str, object] = {"params": {"reads-as-giving-in": {"sure": 0.1}}}
    assert read_hits(processed(tmp_path, shown, settings=low).tables) != []


def test_what_the_therapist_says_is_read_and_never_flagged(tmp_path: Path) -> None:
    tables = processed(tmp_path, {ASKED: {"C7": 0.9}}).tables
    assert read_hits(tables) == []
    readings = tables["readings"].filter(marker="C7", probability=0.9)
    assert readings["clause"].to_list() == [ASKED]


def test_closing_talk_is_an_exception(tmp_path: Path) -> None:
    lines = [*LINES[:2], ("therapist", "We have to stop here for today, our time is up."), LINES[3]]
    (hit,) = read_hits(processed(tmp_path, {REPLY: {"W5": 0.9}}, lines).tables)
    assert "closing the session" in str(hit["suppressed_by"])


def test_without_a_reader_everything_else_works_and_it_is_told(tmp_path: Path) -> None:
    session = processed(tmp_path, None, settings={"engines.reader": "none"})
    assert session.tables["readings"].is_empty()
    assert read_hits(session.tables) == []
    (choice,) = [each for each in session.provenance.engines if each.task == "reading"]
    assert (choice.name, choice.because) == ("none", "as configured")
    assert any("not read: as configured" in note for note in session.provenance.notes)


def test_a_missing_model_is_told_and_not_where_no_rule_asks(tmp_path: Path) -> None:
    nowhere: dict[str, object] = {"models_folder": str(tmp_path / "none")}
    notes = processed(tmp_path, None, settings=nowhere).provenance.notes
    assert any("no model 'minilm' in the models folder" in note for note in notes)
    rules: dict[str, object] = {**nowhere, "rules": ["withdrawal"]}
    assert not any(
        "read" in note for note in processed(tmp_path, None, settings=rules).provenance.notes
    )


def test_another_reader_reads_again_and_nothing_before_it(tmp_path: Path) -> None:
    processed(tmp_path, {REPLY: {"W5": 0.9}})
    again = processed(tmp_path, {REPLY: {"C2": 0.9}})
    assert "readings" in again.computed
    assert "turns" not in again.computed
    assert [hit["marker"] for hit in read_hits(again.tables)] == ["C2"]


def test_the_clause_and_the_examples_stand_on_the_likeliest_marker_alone(tmp_path: Path) -> None:
    readings = processed(tmp_path, {REPLY: {"W5": 0.5, "C2": 0.3}}).tables["readings"]
    told = readings.filter(readings["clause"].is_not_null())
    assert told["marker"].to_list() == ["W5"]
    assert told["resembles"].to_list() == [["an example", "another example"]]
    assert readings["probability"].sum() == pytest.approx(0.8)
