"""Errors of inferred roles: how often the therapist is recognised in conversations."""

import csv
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl

from pipeline import config, lexicons, measures
from pipeline.core.tables import (
    DIARIZATION,
    FRAMES,
    LOSSES,
    MEDIA,
    SPANS,
    TRANSCRIPTION,
    WORDS,
    Metadata,
)
from pipeline.core.vocabulary import Role
from pipeline.formats.annotation import textgrid
from pipeline.measures.feature import Given
from pipeline.measures.features import wording
from pipeline.speech import roles, turns

SETTINGS = config.load()
ENGLISH = lexicons.load("en")
FEATURES = tuple(
    feature
    for feature in wording.features(Given(SETTINGS, ENGLISH))
    if feature.item == "turn" and feature.name in roles.FEATURES
)
"""Features that the inference uses; the others need not be measured here."""
Tables = dict[str, pl.DataFrame]
Line = tuple[int, int, str, str]
"""start_ms, end_ms, speaker, text."""


def tables_of(lines: Sequence[Line]) -> Tables:
    """Tables of lines, as a transcript with even word times has them."""
    words: list[dict[str, object]] = []
    for start, end, speaker, text in lines:
        said = text.split()
        for k, word in enumerate(said):
            first = start + (end - start) * k // len(said)
            after = max(first + 1, start + (end - start) * (k + 1) // len(said))
            words.append(
                {
                    "start_ms": first,
                    "end_ms": after,
                    "speaker": speaker,
                    "text": word,
                    "timing": "interpolated",
                }
            )
    words.sort(key=lambda row: (row["start_ms"], row["end_ms"]))
    tables = {
        "media": MEDIA.frame(
            [
                {
                    "duration_ms": max(line[1] for line in lines) + 1000,
                    "channels": 0,
                    "damaged_packets": 0,
                    "gap_ms": 0,
                }
            ]
        ),
        "losses": LOSSES.empty(),
        "spans": SPANS.frame(
            {
                "start_ms": start,
                "end_ms": end,
                "speaker": speaker,
                "exclusive": True,
                "regular": True,
            }
            for start, end, speaker, _ in lines
        ),
        "diarization": DIARIZATION.frame(
            [{"engine": "scripted", "speakers": 2, "knows_overlap": True}]
        ),
        "words": WORDS.frame({"word_id": k, **row} for k, row in enumerate(words)),
        "transcription": TRANSCRIPTION.frame(
            [{"engine": "scripted", "language": "en", "dropped_words": 0}]
        ),
        "frames": FRAMES.empty(),
    }
    return built(tables)


def built(tables: Tables) -> Tables:
    """`tables` with turns and values made from spans and words."""
    tables = tables | turns.build(
        tables,
        SETTINGS.turns,
        lambda text: bool(ENGLISH.only("acknowledgement", text)),
        asks=lambda text: bool(ENGLISH.count("closing_question", text)),
        is_unfinished=lambda text: bool(ENGLISH.count("unfinished", text)),
    )
    return tables | {"values": measures.measure_all(tables, FEATURES)}


def assigned(
    lines: Sequence[Line],
    corrections: Mapping[str, str] | None = None,
    *,
    channels: Mapping[int, Role] | None = None,
    said: Mapping[str, Role] | None = None,
) -> Tables:
    """Tables of lines with roles assigned."""
    metadata = Metadata(channels=channels or {}, roles=said or {})
    return roles.assign(tables_of(lines), metadata, corrections or {}, SETTINGS.roles)


def who_is_who(got: Tables) -> dict[str, tuple[str, str]]:
    """Role and its source, by speaker."""
    return {row["speaker"]: (row["role"], row["source"]) for row in got["roles"].to_dicts()}


def consultations(folder: Path) -> Iterator[list[Line]]:
    """Lines of each consultation; the doctor is the therapist."""
    for doctor in sorted(folder.glob("*_doctor.TextGrid")):
        lines: list[Line] = []
        for who, role in (("doctor", "therapist"), ("patient", "client")):
            file = doctor.with_name(doctor.name.replace("doctor", who))
            for tier in textgrid.read(file.read_bytes()):
                for start, end, label in tier.intervals.iter_rows():
                    if text := re.sub(r"<[^>]*>", " ", label).strip():
                        lines.append((start, end, role, text))
        yield lines


def counselling(file: Path) -> Iterator[list[Line]]:
    """Utterances have a start alone: an end is put at 350 ms a word, or where the next begins."""
    talks: dict[str, list[dict[str, str]]] = defaultdict(list)
    with file.open(encoding="utf-8") as read:
        for row in csv.DictReader(read):
            talks[row["transcript_id"]].append(row)
    for rows in talks.values():
        starts = [int(row["start_ms"]) for row in rows]
        lines = []
        for row, start, following in zip(rows, starts, [*starts[1:], 10**9], strict=True):
            spoken = start + 350 * len(row["text"].split()) + 300
            lines.append(
                (start, max(start + 200, min(spoken, following)), row["role"], row["text"])
            )
        yield lines


def everyday(folder: Path) -> Iterator[list[Line]]:
    """Talk of people among themselves; the two who say most, with roles that mean nothing."""
    for file in sorted(folder.glob("*.stm")):
        lines: list[Line] = []
        for row in file.read_text(encoding="utf-8").splitlines():
            _, _, speaker, start, end, text = (*row.split(maxsplit=5), "")[:6]
            if said := re.sub(r"<[^>]*>", " ", text).strip():
                start_ms = round(1000 * float(start))
                lines.append((start_ms, max(start_ms + 1, round(1000 * float(end))), speaker, said))
        often = Counter(speaker for _, _, speaker, _ in lines).most_common(2)
        names = dict(zip((name for name, _ in often), ("therapist", "client"), strict=True))
        yield [(a, b, names[who], said) for a, b, who, said in lines if who in names]


def judged(talks: Iterator[list[Line]]) -> dict[str, int]:
    """How often the therapist was found, missed for another, or left open."""
    found = {"therapist": 0, "client": 0, "unknown": 0}
    names = {"therapist": "speaker 2", "client": "speaker 1"}
    for lines in talks:
        got = assigned([(a, b, names[role], text) for a, b, role, text in lines])
        found[who_is_who(got)["speaker 2"][0]] += 1
    return found
