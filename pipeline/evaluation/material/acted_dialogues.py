"""The acted dialogues in ``data/dialogues/``: read, processed as transcripts, and scored.

What a file says is explained in the ``README.md`` there. A dialogue is processed as any
imported transcript is, from a CSV file to moments. Where its ``sound`` names lost signal or a
doubtful voice, which no transcript tells of, the stages from `turns` on are run once more over it.
"""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, model_validator

from pipeline import config
from pipeline.core import yaml
from pipeline.core.tables import DOUBTS, LOSSES, Tables
from pipeline.evaluation.material.derivation import derived
from pipeline.session import SessionResult, intake
from pipeline.session.workbench import Workbench

FOLDER = Path(__file__).resolve().parent / "data" / "dialogues"
WORD_MS = 380
"""160 words a minute, an ordinary pace of conversation."""

BREATH_MS = 300
"""What is lost or doubtful lies a breath away from the words on either side."""

ROLES = {"T": "therapist", "C": "client"}
MARKERS = (
    *("W1", "W2", "W3", "W4", "W5", "W7"),
    *("C1", "C2", "C3", "C4", "C5", "C6", "C7"),
    *("T1", "T2"),
)
"""Every marker with an audible or verbal sign; T1 and T2: the therapist moves away, or against."""

KINDS = {"W": "withdrawal", "C": "confrontation", "T": "therapist_move"}
_LINE = re.compile(
    r"(?P<who>[TC]) (?P<during>\+)?(?P<gap>-?\d+\.\d) (?:\[(?P<label>\w+)\] )?(?P<text>\S.*)"
)

Withheld = Literal["nothing", "words", "timing"]
State = Literal["none_found", "redirected", "addressed", "possibly_repaired"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Stretch(_Strict):
    """From a labelled line to another, or from or to an edge of one (``ask.end``)."""

    start: str = Field(alias="from")
    end: str = Field(alias="to")


class Planted(Stretch):
    """A moment as a clinician hears it, written before any rule was read."""

    id: str
    marker: str = Field(pattern=r"^([WC][1-7]|T[12])$")
    response: State | None = None
    codes: tuple[str, ...] = ()
    note: str

    @property
    def kind(self) -> str:
        """Kind of its marker: withdrawal or confrontation."""
        return KINDS[self.marker[0]]


class Lookalike(Stretch):
    """A place that resembles a marker and is none."""

    id: str
    resembles: str
    note: str

    @property
    def kind(self) -> str:
        """Kind that it resembles."""
        return KINDS[self.resembles[0]]


class Seen(_Strict):
    """What the rules of today make of a planted moment. A `_missed` is strict: if it is met,
    the mark can go.

    Attributes
    ----------
    by
        Rules that flag it.
    missed
        Why no moment of its kind stands there.
    marker_missed
        Why no rule of its own marker is among those that flag it.
    response_missed, codes_missed
        Why what the therapist did is read otherwise than planted.
    """

    by: tuple[str, ...] = ()
    missed: str | None = None
    marker_missed: str | None = None
    response_missed: str | None = None
    codes_missed: str | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> "Seen":
        if bool(self.by) == bool(self.missed):
            msg = "either `by` or `missed`"
            raise ValueError(msg)
        return self


class Guarded(_Strict):
    """A rule, and the id of the guard that takes its hit back."""

    rule: str
    guard: str


class Unplanted(_Strict):
    """A moment that nobody planted, at a labelled line, and why the rules see one."""

    at: str
    rule: str
    because: str


class Today(_Strict):
    """What the rules of today make of a dialogue."""

    moments: dict[str, Seen] = {}
    guards: dict[str, tuple[Guarded, ...]] = {}
    unplanted: tuple[Unplanted, ...] = ()


class Sound(_Strict):
    """Stretches that a recording would tell of, between two places."""

    doubted: tuple[str, str] | None = None
    lost: tuple[str, str] | None = None


class File(_Strict):
    """A file of ``pipeline/evaluation/material/data/dialogues/``."""

    about: str
    lines: str
    blind: bool = True
    sound: tuple[Sound, ...] = ()
    moments: tuple[Planted, ...]
    lookalikes: tuple[Lookalike, ...]
    today: Today = Today()


@dataclass(frozen=True)
class Line:
    """One line as it is spoken; `label` may be empty."""

    role: str
    start_ms: int
    end_ms: int
    text: str
    label: str


@dataclass(frozen=True)
class Dialogue:
    """A dialogue with its times."""

    name: str
    file: File
    lines: tuple[Line, ...]

    def span_ms(self, stretch: Stretch) -> tuple[int, int]:
        """Where a stretch begins and ends."""
        return self._place_ms(stretch.start, "start"), self._place_ms(stretch.end, "end")

    def between_ms(self, places: Sequence[str]) -> tuple[int, int]:
        """Where a stretch of sound begins and ends."""
        first, last = places
        return self._place_ms(first, "start"), self._place_ms(last, "end")

    def _place_ms(self, place: str, edge: str) -> int:
        label, _, named = place.partition(".")
        (line,) = [line for line in self.lines if line.label == label]
        found: int = getattr(line, f"{named or edge}_ms")
        return found


def names() -> list[str]:
    """Names of all dialogues."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def read(name: str, folder: Path = FOLDER) -> Dialogue:
    """One dialogue by its name."""
    path = folder / f"{name}.yaml"
    document = yaml.parse(path.read_text(encoding="utf-8"), path.name)
    file = File.model_validate(document.data)
    return Dialogue(name, file, tuple(_spoken(file.lines)))


def _spoken(script: str) -> Iterator[Line]:
    free_ms, before_ms = 500, 500
    for written in filter(None, script.splitlines()):
        match = _LINE.fullmatch(written.strip())
        assert match, f"no line of a dialogue: {written}"
        during, gap_ms = match["during"], round(float(match["gap"]) * 1000)
        start_ms = (before_ms if during else free_ms) + gap_ms
        end_ms = start_ms + WORD_MS * len(match["text"].split())
        yield Line(ROLES[match["who"]], start_ms, end_ms, match["text"], match["label"] or "")
        if not during:
            free_ms, before_ms = end_ms, start_ms


class Rehearsal:
    """A workbench that processes transcripts, with something withheld or nothing.

    Parameters
    ----------
    folder
        For transcripts and the workspace.
    reader
        As `engines.reader`; ``none``: what wording and timing find by themselves.
    withheld
        "words": nobody transcribes; "timing": the transcript says when each line begins and no
        more, as many that people type do.
    """

    def __init__(
        self, folder: Path, withheld: Withheld = "nothing", *, reader: str = "auto"
    ) -> None:
        self._folder = folder
        self._withheld = withheld
        overrides = {"engines.reader": reader}
        if withheld == "words":
            overrides["engines.transcriber"] = "none"
        self._bench = Workbench(config.load("default", overrides), folder / f"workspace-{withheld}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._bench.catalogue.close()

    def process(self, dialogue: Dialogue) -> Tables:
        """All tables of a dialogue."""
        processed = self.process_lines(
            dialogue.name,
            [(line.role, line.start_ms, line.end_ms, line.text) for line in dialogue.lines],
        )
        return self._with_sound(dialogue, processed) if dialogue.file.sound else processed.tables

    def process_lines(self, name: str, lines: Sequence[tuple[str, int, int, str]]) -> SessionResult:
        """Walk a transcript given as role, start, end and text of each line."""
        path = self._folder / f"{name}-{self._withheld}.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["role", "start_ms", "end_ms", "text"])
            for role, start_ms, end_ms, text in sorted(lines, key=lambda line: line[1]):
                writer.writerow(
                    [role, start_ms, "" if self._withheld == "timing" else end_ms, text]
                )
        (named,) = intake.discover([path])
        return self._bench.process(intake.read(named, {"language": "en"}, consent=False))

    def _with_sound(self, dialogue: Dialogue, processed: SessionResult) -> Tables:
        """Turns and all that follows, once more over what a recording would tell."""
        doubts: list[dict[str, object]] = []
        losses: list[dict[str, object]] = []
        for sound in dialogue.file.sound:
            for places, rows in ((sound.doubted, doubts), (sound.lost, losses)):
                if places:
                    start_ms, end_ms = dialogue.between_ms(places)
                    rows.append(
                        {
                            "start_ms": start_ms + BREATH_MS,
                            "end_ms": end_ms - BREATH_MS,
                            "channel": 0,
                        }
                    )
        media = processed.tables["media"]
        tables = dict(processed.tables) | {
            # A transcript has no channel; signal is lost where it is lost in all that there are.
            "media": media.with_columns(pl.lit(1).cast(media.schema["channels"]).alias("channels")),
            "doubts": DOUBTS.frame(row | {"speech_probability": 0.6} for row in doubts),
            "losses": LOSSES.frame(losses),
        }
        spoken = self._bench.language_resources(processed.language)
        return derived(tables, spoken, self._bench.settings, processed.recording.metadata)


@dataclass(frozen=True)
class Judged:
    """What was found of what was planted.

    Attributes
    ----------
    moments
        Of each planted moment, the moments of its kind that overlap it, each with `rules` and
        `markers` of its hits.
    false
        Moments that overlap nothing planted of their kind, likewise.
    """

    moments: Mapping[str, list[dict[str, Any]]]
    false: list[dict[str, Any]]


def judge(dialogue: Dialogue, tables: Tables) -> Judged:
    """Compare what was flagged with what was planted, by kind and overlap."""
    hits = {row["hit_id"]: row for row in tables["hits"].to_dicts()}
    found = []
    for moment in tables["moments"].to_dicts():
        own = [hits[i] for i in (*moment["primary_hits"], *moment["supporting_hits"])]
        found.append(
            moment
            | {
                "rules": sorted({hit["rule"] for hit in own}),
                "markers": {hit["marker"] for hit in own},
            }
        )

    def there(rows: Sequence[dict[str, Any]], kind: str, span: tuple[int, int]) -> list[Any]:
        return [
            row
            for row in rows
            if row["kind"] == kind and row["start_ms"] < span[1] and row["end_ms"] > span[0]
        ]

    planted = {
        each.id: there(found, each.kind, dialogue.span_ms(each)) for each in dialogue.file.moments
    }
    known = {moment["moment_id"] for own in planted.values() for moment in own}
    return Judged(
        planted,
        [moment for moment in found if moment["moment_id"] not in known],
    )
