"""Any imported diarization or transcript: one file or several as lines and words with speakers.

::

    files ─ read by suffix ─> lines ─ labels ─ ends ─> words

**Labels.** A label given for a file (``transcript: {therapist: a.vtt}``) is everybody's in it. Else
the file's own count: voice tags, tiers, ``Name:``, a CSV's speaker or role. A line without a label
in a file that has some is nobody's, `UNNAMED`; only where the file names speakers at changes
alone (`AT_CHANGES`) it is the last speaker's, and counted. Of several files, one that names nobody
is one person, "speaker 2" if it is the second; files of one person each whose labels are the same
(Praat's "Speaker", twice) get their number behind it.

**Ends.** A line without an end lasts until the next start in any of the files, for a silence that
nobody measured must not appear; lines with the same start share that time by characters. The
last one lasts `MS_PER_CHARACTER` for each character. `Transcript.ends_estimated` says so, and also
where a machine's file has usable times for too few of its segments (`formats.whisper_json`).

**Words.** A line becomes words over its time in proportion to their characters, "interpolated";
words that the file times are "aligned". Where lines of one speaker overlap by less than a second,
the later one's words come after the earlier one's. Marks such as ``[laughs]`` and ``<UNIN/>`` are
no words: the line keeps its time. A sign that stands alone joins the word before it.
"""

import hashlib
import json
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import groupby, pairwise
from typing import Protocol, get_args

import polars as pl

from pipeline.core.errors import InputError
from pipeline.core.schema import Column, Schema
from pipeline.core.vocabulary import Role
from pipeline.formats import rttm, whisper_json
from pipeline.formats.annotation import tiers
from pipeline.formats.repairs import Repairs
from pipeline.formats.tables import transcript_csv
from pipeline.formats.text import UNUSABLE_AT_MOST
from pipeline.formats.timed_text import srt, stm, webvtt
from pipeline.formats.timed_text.cues import (
    MS_PER_CHARACTER,
    UNNAMED,
    spoken_words,
    spread,
    squeeze,
    unmarked,
)

VERSION = "4"
"""Raised whenever the same files give other lines or words."""

MIXED_MS = 1000
"""One speaker's lines that overlap by less do so by the imprecision of their times."""

AT_CHANGES = 8
"""Labels, each other than the one before, that show a file to name speakers at changes alone.

Two speakers labelled at random would do so once in 128. Where a cue of each turn were labelled but
for a few that were forgotten, the label before and after such a gap would be the same."""

LINES = Schema(
    "lines",
    (
        Column("start_ms", pl.Int64, "first millisecond"),
        Column("end_ms", pl.Int64, "first millisecond after; may be estimated"),
        Column("speaker", pl.String, "speaker label", null="no file names any speaker"),
        Column("text", pl.String, "as it stands in the file; empty for a diarization"),
        Column("utterance_id", pl.String, "name of the line", null="it has none"),
        Column("confidence", pl.Float32, "of the speaker, 0-1", null="the file gives none"),
    ),
    (("start_ms < end_ms", pl.col("start_ms") < pl.col("end_ms")),),
)

WORDS = Schema(
    "imported words",
    (
        Column("line", pl.Int64, "row of its line in table lines"),
        Column("start_ms", pl.Int64, "first millisecond"),
        Column("end_ms", pl.Int64, "first millisecond after"),
        Column("speaker", pl.String, "speaker label", null="no file names any speaker"),
        Column("text", pl.String, "one word with its punctuation"),
        Column("confidence", pl.Float32, "0-1", null="the file gives none"),
        Column("timing", pl.String, "see table words", allowed=("aligned", "interpolated")),
    ),
    (("start_ms < end_ms", pl.col("start_ms") < pl.col("end_ms")),),
)


class File(Protocol):
    """The bytes of a file, without its path: `ports.Attachment` is one."""

    @property
    def suffix(self) -> str:
        """Ending of its name (``.vtt``); capitals do not matter."""
        ...

    @property
    def content(self) -> bytes:
        """All its bytes."""
        ...

    @property
    def speaker(self) -> str | None:
        """Label of everybody in it; None: the labels of the file."""
        ...


@dataclass(frozen=True, eq=False)
class Transcript:
    """What the files say.

    Attributes
    ----------
    lines
        Table `LINES`, sorted by start_ms.
    words
        Table `WORDS`, sorted by start_ms.
    language
        ISO 639 code, see `formats.language.stated`; None if no file says.
    roles
        Role of each speaker label for which a CSV or a given label states it.
    keeps_overlap
        Speech at the same time is told apart: tiers or files of one person each, or lines of two
        speakers that overlap. False: nothing is known of overlaps.
    ends_estimated
        Some lines had no end, or many no usable one: silences and overlaps are not measured.
    repairs
        Sentences that count what was repaired or skipped; see `formats.repairs`.
    digest
        SHA-256 of files, formats and labels, 64 hexadecimal digits.
    """

    lines: pl.DataFrame
    words: pl.DataFrame
    language: str | None
    roles: Mapping[str, Role]
    keeps_overlap: bool
    ends_estimated: bool
    repairs: tuple[str, ...]
    digest: str

    @cached_property
    def duration_ms(self) -> int:
        """The last end: how long a session without audio is."""
        last = self.lines["end_ms"].max()
        assert isinstance(last, int)
        return last

    @property
    def unattributed(self) -> int:
        """Lines that the files attribute to nobody."""
        speaker = self.lines["speaker"]
        return int((speaker.is_null() | (speaker == UNNAMED)).sum())

    @property
    def has_words(self) -> bool:
        """The files hold words, and not times alone."""
        return self.words.height > 0


@dataclass(frozen=True)
class _Word:
    start_ms: int
    end_ms: int
    text: str
    confidence: float | None
    timing: str


@dataclass(frozen=True)
class _Line:
    start_ms: int
    end_ms: int | None
    speaker: str | None
    text: str = ""
    utterance_id: str | None = None
    confidence: float | None = None
    words: tuple[_Word, ...] | None = None


@dataclass(frozen=True)
class _Content:
    lines: list[_Line]
    language: str | None = None
    roles: Mapping[str, Role] = field(default_factory=dict)
    tiers: int = 1
    ends_estimated: bool = False


def load(files: Sequence[File]) -> Transcript:
    """Read what belongs to one session.

    Raises
    ------
    InputError
        Unknown format, mistakes in a file, or files that contradict what is said of them.
    """
    if not files:
        raise InputError("no imported file", expected="a transcript or a diarization")
    repairs = Repairs()
    contents = [_told(file, number, len(files), repairs) for number, file in enumerate(files, 1)]
    contents = _labelled(contents, files, repairs)
    lines = sorted((line for c in contents for line in c.lines), key=lambda line: line.start_ms)
    estimated = any(line.end_ms is None for line in lines)
    estimated |= any(content.ends_estimated for content in contents)
    lines = _closed(lines)
    apart = len(files) > 1 or any(content.tiers > 1 for content in contents)
    return Transcript(
        lines=LINES.frame({name: getattr(line, name) for name in LINES.names} for line in lines),
        words=WORDS.frame(_unmixed(lines, repairs)).sort("start_ms", maintain_order=True),
        language=next((c.language for c in contents if c.language), None),
        roles={label: role for c in contents for label, role in c.roles.items()},
        keeps_overlap=not estimated and (apart or _overlap(lines)),
        ends_estimated=estimated,
        repairs=repairs.sentences(),
        digest=_digest(files),
    )


def _told(file: File, number: int, of: int, repairs: Repairs) -> _Content:
    """Content of one file; with several, a message says which one by its number."""
    try:
        content = _reader(file.suffix)(file.content, repairs)
        _refuse_empty(content)
    except InputError as caught:
        if of == 1:
            raise
        raise InputError(
            f"file {number} of {of}: {caught.found}", expected=caught.expected, hint=caught.hint
        ) from None
    return content


def _refuse_empty(content: _Content) -> None:
    if not content.lines:
        raise InputError("cues without text or speaker only", expected="at least one timed line")


def _reader(suffix: str) -> "_Reader":
    suffix = "." + suffix.lower().removeprefix(".")
    if suffix not in READERS:
        raise InputError("a file of no known format", expected=", ".join(sorted(READERS)))
    return READERS[suffix]


def _read_rttm(data: bytes, repairs: Repairs) -> _Content:
    rows = rttm.read(data, repairs).iter_rows()
    return _Content([_Line(a, b, who, confidence=sure) for a, b, who, sure in rows])


def _reader_of_tiers(read: Callable[[bytes, Repairs], list[tiers.Voice]]) -> "_Reader":
    def lines_of(voice: tiers.Voice) -> Iterator[_Line]:
        for (start_ms, end_ms, text), words in voice.spoken():
            timed = [
                _Word(a, b, squeeze(w), None, "aligned") for a, b, w in words or () if unmarked(w)
            ]
            own = None if words is None else tuple(timed)
            yield _Line(start_ms, end_ms, voice.speaker, squeeze(text), words=own)

    def reader(data: bytes, repairs: Repairs) -> _Content:
        voices = read(data, repairs)
        return _Content([line for voice in voices for line in lines_of(voice)], tiers=len(voices))

    return reader


def _reader_of_cues(read: Callable[[bytes, Repairs], pl.DataFrame]) -> "_Reader":
    return lambda data, repairs: _Content([_Line(*row) for row in read(data, repairs).iter_rows()])


def _read_vtt(data: bytes, repairs: Repairs) -> _Content:
    lines = [_Line(*row) for row in webvtt.read(data, repairs).iter_rows()]
    return _Content(lines, webvtt.language(data))


def _read_csv(data: bytes, repairs: Repairs) -> _Content:
    table = transcript_csv.read(data, repairs)
    several = table["transcript_id"].n_unique()
    if several > 1:
        raise InputError(
            f"{several} conversations in one table",
            expected="one session a file",
            hint="keep the rows with one transcript_id",
        )
    roles = _roles(table, repairs)
    columns = ("start_ms", "end_ms", "speaker", "text", "utterance_id")
    return _Content([_Line(*row) for row in table.select(columns).iter_rows()], roles=roles)


def _roles(table: pl.DataFrame, repairs: Repairs) -> dict[str, Role]:
    """Role of each speaker of a table; a few rows that say another are outvoted."""
    said: dict[str, Counter[Role]] = {}
    for speaker, role in table.select("speaker", "role").drop_nulls().iter_rows():
        said.setdefault(_label(speaker), Counter())[role] += 1
    for roles in said.values():
        (_, most), total = roles.most_common(1)[0], roles.total()
        if total - most > UNUSABLE_AT_MOST * total:
            raise InputError("a speaker with two roles", expected="one role for each speaker")
        repairs["Rows with another role than their speaker's others, not heeded"] += total - most
    return {speaker: roles.most_common(1)[0][0] for speaker, roles in said.items()}


def _read_json(data: bytes, repairs: Repairs) -> _Content:
    aligned = whisper_json.read(data, repairs)
    words: dict[int, list[_Word]] = {}
    for start_ms, end_ms, cue, text, sure, timing in aligned.words.iter_rows():
        if unmarked(text):
            words.setdefault(cue, []).append(_Word(start_ms, end_ms, text, sure, timing))
    lines = [
        _Line(start_ms, end_ms, speaker, text, words=tuple(words.get(cue, ())))
        for cue, (start_ms, end_ms, speaker, text) in enumerate(aligned.cues.iter_rows())
    ]
    return _Content(lines, aligned.language, ends_estimated=aligned.ends_estimated)


_Reader = Callable[[bytes, Repairs], _Content]
READERS: Mapping[str, _Reader] = {
    ".rttm": _read_rttm,
    ".textgrid": _reader_of_tiers(tiers.of_textgrid),
    ".eaf": _reader_of_tiers(tiers.of_eaf),
    ".vtt": _read_vtt,
    ".srt": _reader_of_cues(srt.read),
    ".stm": _reader_of_cues(stm.read),
    ".csv": _read_csv,
    ".tsv": _read_csv,
    ".json": _read_json,
}
"""What reads a suffix."""


def _labelled(contents: list[_Content], files: Sequence[File], repairs: Repairs) -> list[_Content]:
    """Every line with its label, as the module says; all null where one file names nobody."""
    named = []
    for number, (content, file) in enumerate(zip(contents, files, strict=True), 1):
        labels = {_label(line.speaker) for line in content.lines if line.speaker is not None}
        labels.discard(UNNAMED)
        if file.speaker is not None:
            label = _label(file.speaker)
            if len(labels) > 1:
                raise InputError(
                    f"{len(labels)} speakers in a file that is given as one person's",
                    expected="a file for each person, or one file without a label",
                )
            stated = [*content.roles.values(), *(role for role in get_args(Role) if role == label)]
            named.append(_with_label(content, label, {label: stated[-1]} if stated else {}))
        elif not labels and len(files) > 1:
            named.append(_with_label(content, f"speaker {number}", {}))
        else:
            lines = _filled(content.lines, repairs) if labels else content.lines
            named.append(replace(content, lines=lines))
    return _told_apart(named, files)


def _told_apart(contents: list[_Content], files: Sequence[File]) -> list[_Content]:
    """Files of one person each whose labels are the same get their number behind the label."""
    own = [{line.speaker for line in content.lines} for content in contents]
    single = all(len(labels) == 1 for labels in own)
    if not single or len(set.union(*own)) == len(own) or any(f.speaker for f in files):
        return contents
    return [
        _with_label(content, f"{labels.pop()} {number}", {})
        for number, (content, labels) in enumerate(zip(contents, own, strict=True), 1)
    ]


def _with_label(content: _Content, label: str, roles: Mapping[str, Role]) -> _Content:
    lines = [replace(line, speaker=label) for line in content.lines]
    return replace(content, lines=lines, roles=roles)


def _filled(lines: list[_Line], repairs: Repairs) -> list[_Line]:
    """Lines in order of start, those without a label as the module says."""
    lines = sorted(lines, key=lambda line: line.start_ms)
    labels = [_label(line.speaker) for line in lines if line.speaker not in {None, UNNAMED}]
    at_changes = len(labels) >= AT_CHANGES and all(a != b for a, b in pairwise(labels))
    last = UNNAMED
    filled = []
    for line in lines:
        if line.speaker is not None:
            last = _label(line.speaker)
        elif not at_changes:
            last = UNNAMED
        elif last != UNNAMED:
            repairs[_CONTINUED] += 1
        filled.append(replace(line, speaker=last))
    return filled


_CONTINUED = (
    "Lines without a speaker, attributed to the one before because the file names speakers at "
    "changes only"
)


def _label(text: str) -> str:
    """One spelling of a label: a sidecar typed elsewhere may compose its accents differently."""
    return unicodedata.normalize("NFC", squeeze(text))


def _closed(lines: list[_Line]) -> list[_Line]:
    """`lines`, sorted by start, each with an end."""
    closed: list[_Line] = []
    groups = [(at, list(run)) for at, run in groupby(lines, key=lambda line: line.start_ms)]
    following = {at: later for (at, _), (later, _) in pairwise(groups)}
    for at, together in groups:
        open_ones = [line for line in together if line.end_ms is None]
        closed.extend(line for line in together if line.end_ms is not None)
        texts = [line.text for line in open_ones]
        needed_ms = max(sum(len(text) for text in texts) * MS_PER_CHARACTER, 1)
        times = spread(at, following.get(at, at + needed_ms), texts)
        closed.extend(
            replace(line, start_ms=start_ms, end_ms=end_ms)
            for line, (start_ms, end_ms) in zip(open_ones, times, strict=True)
        )
    return sorted(closed, key=lambda line: line.start_ms)


def _unmixed(lines: Sequence[_Line], repairs: Repairs) -> Iterator[dict[str, object]]:
    """Words of `lines`; where lines of one speaker overlap a little, their words do not mix."""
    last: dict[str | None, tuple[int, int]] = {}
    for number, line in enumerate(lines):
        for word in _words(line):
            start_ms, end_ms = last.get(line.speaker, (0, 0))
            mixed = line.speaker is not None and 0 < start_ms - word.start_ms < MIXED_MS
            said = word
            if mixed:
                repairs["Words that overlap the line before, placed after it"] += 1
                said = replace(word, start_ms=start_ms, end_ms=max(word.end_ms, end_ms))
            last[line.speaker] = max(said.start_ms, start_ms), max(said.end_ms, end_ms)
            yield {"line": number, "speaker": line.speaker} | vars(said)


def _words(line: _Line) -> Sequence[_Word]:
    if line.words is not None:
        return line.words
    assert line.end_ms is not None
    texts = spoken_words(line.text)
    times = spread(line.start_ms, line.end_ms, texts)
    return [
        _Word(start_ms, end_ms, text, None, "interpolated")
        for (start_ms, end_ms), text in zip(times, texts, strict=True)
    ]


def _overlap(lines: Sequence[_Line]) -> bool:
    """Two speakers speak at once somewhere; `lines` are sorted by start."""
    latest: list[tuple[int, str | None]] = []  # last ends of two speakers, the later one first
    for line in lines:
        if any(end_ms > line.start_ms for end_ms, who in latest if who != line.speaker):
            return True
        own = max([line.end_ms or 0, *(end_ms for end_ms, who in latest if who == line.speaker)])
        others = [each for each in latest if each[1] != line.speaker]
        latest = sorted([(own, line.speaker), *others], key=lambda each: each[0])[:-3:-1]
    return False


def _digest(files: Sequence[File]) -> str:
    said = [
        [file.suffix.lower().lstrip("."), file.speaker, hashlib.sha256(file.content).hexdigest()]
        for file in files
    ]
    return hashlib.sha256(json.dumps(said, separators=(",", ":")).encode()).hexdigest()
