"""What other tools get: exact tables, inert cells, and files that read back as what they say."""

import csv
import io
import json

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import exports
from pipeline.core.errors import ConfigError
from pipeline.core.tables import HITS, MOMENTS, SCHEMAS, SPANS, TURNS, WORDS, Metadata, Recording
from pipeline.exports import tabular, timed
from pipeline.formats import rttm
from pipeline.formats.tables.transcript_csv import live
from pipeline.formats.timed_text import srt, webvtt
from pipeline.formats.timed_text.cues import spread

RECORDING = Recording("ab" * 32, 60_000, 16_000, 1, Metadata())

LONG = (
    "What was that like for you? I mean the evening itself, and then the morning after it, "
    "when he had gone."
)
SAID = [
    ("S1", "therapist", 0, 9000, LONG),
    ("S2", "client", 8500, 9000, "=1+1 mm."),
    ("S2", "client", 9500, 12_000, "- I don't know."),
    ("S3", "unknown", 13_000, 14_000, "Sorry <came> in & out"),
]  # fmt: skip


def tables(
    said: list[tuple[str, str, int, int, str | None]] | None = None,
) -> dict[str, pl.DataFrame]:
    turns, words = [], []
    for number, (speaker, role, start_ms, end_ms, text) in enumerate(said or SAID):
        turns.append(
            {
                "turn_id": number,
                "speaker": speaker,
                "role": role,
                "start_ms": start_ms,
                "end_ms": end_ms,
                "text": text,
                "n_words": len(text.split()) if text else None,
                "is_backchannel": False if text else None,
                "latency_ms": -77 if number else None,
            }
        )
        own = (text or "").split()
        words += [
            {"start_ms": a, "end_ms": b, "speaker": speaker, "text": word, "timing": "aligned"}
            for (a, b), word in zip(spread(start_ms, end_ms, own), own, strict=True)
        ]
    numbered = [row | {"word_id": number} for number, row in enumerate(words)]
    clause = {
        "text": "it was “long”",
        "condition": "length_ms >= 3000",
        "observed": "{}",
        "held": True,
        "set_aside": None,
    }
    hit = {
        "hit_id": 0,
        "rule": "r",
        "kind": "withdrawal",
        "marker": "W2",
        "primary": True,
        "weight": 0.5,
        "item": "silence",
        "item_ids": [3, 4],
        "start_ms": 0,
        "end_ms": 10,
        "clauses": [clause],
        "params": "{}",
    }
    span = {"confidence": None, "exclusive": False, "regular": True}
    return {
        "turns": TURNS.frame(turns),
        "words": WORDS.frame(numbered),
        "hits": HITS.frame([hit]),
        "moments": MOMENTS.empty(),
        "spans": SPANS.frame(
            [
                span | {"start_ms": 0, "end_ms": 900, "speaker": "S 1"},
                span
                | {
                    "start_ms": 0,
                    "end_ms": 800,
                    "speaker": "S2",
                    "regular": False,
                    "exclusive": True,
                },
            ]
        ),
    }


def test_csv_nests_as_json_and_runs_no_formula() -> None:
    files = exports.export(RECORDING, tables(), ["turns", "hits"], "csv")
    assert list(files) == ["turns.csv", "hits.csv"]
    turns = list(csv.DictReader(io.StringIO(files["turns.csv"].decode("utf-8"))))
    assert [row["text"][:2] for row in turns] == ["Wh", "'=", "'-", "So"]
    assert [live(row["text"]) for row in turns] == [said[4] for said in SAID]
    assert [row["latency_ms"] for row in turns] == ["", "-77", "-77", "-77"]
    (hit,) = csv.DictReader(io.StringIO(files["hits.csv"].decode("utf-8")))
    assert json.loads(hit["item_ids"]) == [3, 4]
    assert json.loads(hit["clauses"])[0]["text"] == "it was “long”"
    assert hit["suppressed_by"] == ""


def test_parquet_and_json_are_exact() -> None:
    given_tables = tables()
    for name, content in exports.export(RECORDING, given_tables, [], "parquet").items():
        assert pl.read_parquet(io.BytesIO(content)).equals(given_tables[name.split(".")[0]])
    for name, content in exports.export(RECORDING, given_tables, ["all"], "json").items():
        table = given_tables[name.split(".")[0]]
        assert json.loads(content) == table.to_dicts()
    assert json.loads(tabular.encode(MOMENTS.empty(), "json")) == []


def test_every_table_can_be_exported_even_if_empty() -> None:
    empty = {name: schema.empty() for name, schema in SCHEMAS.items()}
    for fmt in ("csv", "parquet", "json"):
        assert len(exports.export(RECORDING, empty, ["all"], fmt)) == len(SCHEMAS)


def test_rttm_of_turns_and_spans_reads_back() -> None:
    files = exports.export(RECORDING, tables(), ["turns", "spans", "hits"], "rttm")
    turns = tables()["turns"].select("start_ms", "end_ms", "speaker")
    assert rttm.read(files["turns.rttm"]).drop("confidence").equals(turns)
    assert rttm.read(files["spans.rttm"]).rows() == [(0, 900, "S_1", None)]
    assert set(exports.export(RECORDING, tables(), [], "rttm")) == {"turns.rttm"}


@pytest.mark.parametrize(("fmt", "read"), [("vtt", webvtt.read), ("srt", srt.read)])
def test_subtitles_read_back_in_short_cues(fmt: str, read: object) -> None:
    (content,) = exports.export(RECORDING, tables(), ["hits"], fmt).values()
    assert callable(read)
    cues = read(content)
    assert cues["speaker"].unique(maintain_order=True).to_list() == ["therapist", "client", "S3"]
    assert (cues["text"].str.len_chars() <= 84).all()
    therapist = cues.filter(pl.col("speaker") == "therapist")
    assert therapist.height > 1
    assert " ".join(therapist["text"]) == SAID[0][4]
    assert (therapist["start_ms"][0], therapist["end_ms"][-1]) == (0, 9000)
    assert cues["text"].to_list()[-1] == SAID[3][4]


def test_two_clients_keep_their_labels() -> None:
    said = [
        ("A", "client", 0, 9, "a"),
        ("B", "client", 9, 19, "b"),
        ("T", "therapist", 19, 29, "c"),
    ]
    frame = tables([*said])
    assert timed.cues_of(frame)["speaker"].to_list() == ["A", "B", "therapist"]


def test_a_turn_whose_words_are_elsewhere_is_one_cue() -> None:
    frame = tables() | {"words": WORDS.empty()}
    assert timed.cues_of(frame)["text"].to_list() == [said[4] for said in SAID]


WORD = st.from_regex(r"[a-zé&<>]{1,9}[.?!,]?", fullmatch=True)


@pytest.mark.slow
@given(st.lists(st.lists(WORD, min_size=1, max_size=40), min_size=1, max_size=5))
def test_no_word_is_lost_on_the_way_through_webvtt(said: list[list[str]]) -> None:
    rows: list[tuple[str, str, int, int, str | None]] = [
        (f"S{number % 2}", "unknown", 10_000 * number, 10_000 * number + 9000, " ".join(words))
        for number, words in enumerate(said)
    ]
    content = exports.export(RECORDING, tables(rows), [], "vtt")["turns.vtt"]
    assert " ".join(webvtt.read(content)["text"]) == " ".join(str(row[4]) for row in rows)


def test_what_cannot_be_exported_is_told_with_what_can() -> None:
    with pytest.raises(ConfigError, match="did you mean 'turns'"):
        exports.export(RECORDING, tables(), ["turn"], "csv")
    with pytest.raises(ConfigError, match="no table 'frames'; expected: spans, words, turns"):
        exports.export(RECORDING, tables(), ["frames"], "csv")
    with pytest.raises(ConfigError, match="did you mean 'parquet'"):
        exports.export(RECORDING, tables(), [], "parquett")
    with pytest.raises(ConfigError, match="no transcript"):
        exports.export(RECORDING, tables([("A", "client", 0, 9, None)]), [], "vtt")
