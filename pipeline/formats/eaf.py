"""ELAN annotation files (EAF 2.8 and later; MPI Psycholinguistics, "EAF Annotation Format").

Read: tiers with time-aligned annotations, and annotations that refer to one (they take its times).
An annotation whose time slot has no value, as in ELAN's time subdivisions, cannot be placed and is
passed over; the tier counts them. Written: aligned tiers of one linguistic type.

The parser is expat itself, told to stop at any document type declaration: without one there are no
entities to expand and nothing outside the file is ever named (OWASP, "XML External Entity").
"""

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from html import escape
from xml.parsers import expat

import polars as pl

from pipeline.errors import InputError
from pipeline.formats.text import Problems
from pipeline.schema import Column, Schema

ANNOTATIONS = Schema(
    "annotations",
    (
        Column("start_ms", pl.Int64, "first millisecond"),
        Column("end_ms", pl.Int64, "first millisecond after"),
        Column("text", pl.String, "what was written; may be empty"),
    ),
    (
        ("start_ms >= 0", pl.col("start_ms") >= 0),
        ("start_ms < end_ms", pl.col("start_ms") < pl.col("end_ms")),
    ),
)

_DIGITS = 10
"""Of a time in ms: 115 days; more is another unit, or a broken file."""
# XML 1.0, production 2: no other control character may stand, escaped or not.
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Tier:
    """One tier.

    Attributes
    ----------
    name
        As written.
    annotations
        Table `ANNOTATIONS`, in order of start.
    annotator
        Who made it; None where the file does not say.
    unplaced
        Annotations without times, which were passed over.
    """

    name: str
    annotations: pl.DataFrame
    annotator: str | None = None
    unplaced: int = 0


@dataclass
class _Annotation:
    line: int
    slots: tuple[str, str] | None
    parent: str | None
    text: str = ""


@dataclass
class _Tier:
    name: str
    annotator: str | None
    annotations: dict[str, _Annotation] = field(default_factory=dict)


def read(data: bytes) -> list[Tier]:
    """All tiers of a file, in its order.

    Raises
    ------
    InputError
        No EAF, a document type declaration, or all annotations that cannot be used, each with its
        line.
    """
    reader = _Reader()
    reader.parse(data)
    everybody = {key: a for tier in reader.tiers for key, a in tier.annotations.items()}
    tiers = [reader.tier(tier, everybody) for tier in reader.tiers]
    reader.problems.stop()
    return tiers


def write(tiers: Iterable[Tier], *, media: str | None = None) -> str:
    """`tiers` as an EAF file that ELAN 5 and later open.

    Parameters
    ----------
    media
        URL of the recording; None: ELAN asks for it.
    """
    tiers = list(tiers)
    slots: list[str] = []
    body: list[str] = []
    for tier in tiers:
        who = f' ANNOTATOR="{_safe(tier.annotator)}"' if tier.annotator else ""
        body.append(
            f'  <TIER{who} LINGUISTIC_TYPE_REF="default-lt" TIER_ID="{_safe(tier.name)}">\n'
        )
        for start_ms, end_ms, text in ANNOTATIONS.conform(tier.annotations).iter_rows():
            first = len(slots) + 1
            slots += [
                f'    <TIME_SLOT TIME_SLOT_ID="ts{number}" TIME_VALUE="{at_ms}"/>\n'
                for number, at_ms in enumerate((start_ms, end_ms), first)
            ]
            body.append(
                f'    <ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a{(first + 1) // 2}" '
                f'TIME_SLOT_REF1="ts{first}" TIME_SLOT_REF2="ts{first + 1}">'
                f"<ANNOTATION_VALUE>{_safe(text)}</ANNOTATION_VALUE>"
                "</ALIGNABLE_ANNOTATION></ANNOTATION>\n"
            )
        body.append("  </TIER>\n")
    descriptor = f'<MEDIA_DESCRIPTOR MEDIA_URL="{_safe(media)}" MIME_TYPE=""/>' if media else ""
    # The schema asks for a date; the same tables are to give the same file.
    made = dt.datetime.fromtimestamp(0, dt.UTC).isoformat()
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<ANNOTATION_DOCUMENT AUTHOR="" DATE="{made}" FORMAT="3.0" VERSION="3.0"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
        ' xsi:noNamespaceSchemaLocation="http://www.mpi.nl/tools/elan/EAFv3.0.xsd">\n'
        f'  <HEADER MEDIA_FILE="" TIME_UNITS="milliseconds">{descriptor}</HEADER>\n'
        f"  <TIME_ORDER>\n{''.join(slots)}  </TIME_ORDER>\n{''.join(body)}"
        '  <LINGUISTIC_TYPE GRAPHIC_REFERENCES="false" LINGUISTIC_TYPE_ID="default-lt"'
        ' TIME_ALIGNABLE="true"/>\n</ANNOTATION_DOCUMENT>\n'
    )


def _safe(text: str) -> str:
    return escape(_NO_XML.sub("", text))


class _Reader:
    """Takes expat's events in."""

    def __init__(self) -> None:
        self.problems = Problems("an ELAN file")
        self.tiers: list[_Tier] = []
        self._slots: dict[str, int | None] = {}
        self._open: _Annotation | None = None
        self._text: list[str] | None = None
        self._is_eaf = False
        self._expat = expat.ParserCreate()
        self._expat.buffer_text = True
        self._expat.StartDoctypeDeclHandler = self._refuse
        self._expat.StartElementHandler = self._start
        self._expat.EndElementHandler = self._end
        self._expat.CharacterDataHandler = self._characters

    def parse(self, data: bytes) -> None:
        """Read all events.

        Raises
        ------
        InputError
            No XML, a document type declaration, or another kind of XML.
        """
        try:
            self._expat.Parse(data, True)  # noqa: FBT003  # expat takes no keywords
        except expat.ExpatError as caught:
            raise InputError(
                f"not usable as an ELAN file:\nline {caught.lineno}: no XML",
                expected="an .eaf file as ELAN writes it",
            ) from None
        if not self._is_eaf:
            raise InputError(
                "XML of another kind than ELAN's", expected="an ANNOTATION_DOCUMENT with tiers"
            )

    def tier(self, tier: _Tier, everybody: Mapping[str, _Annotation]) -> Tier:
        """One tier with the times of its annotations, or of those that they refer to."""
        rows: list[dict[str, object]] = []
        unplaced = 0
        for annotation in tier.annotations.values():
            bounds = self._bounds(annotation, everybody)
            if bounds is None:
                unplaced += 1
                continue
            end_ms = self.problems.end_of(annotation.line, *bounds)
            if end_ms is not None:
                rows.append({"start_ms": bounds[0], "end_ms": end_ms, "text": annotation.text})
        frame = ANNOTATIONS.frame(rows).sort("start_ms", "end_ms", maintain_order=True)
        return Tier(tier.name, frame, tier.annotator, unplaced)

    def _bounds(
        self, annotation: _Annotation, everybody: Mapping[str, _Annotation]
    ) -> tuple[int, int] | None:
        """Times of an annotation, or of the aligned one that it refers to in the end."""
        seen: set[str] = set()
        while annotation.slots is None:
            parent = annotation.parent
            if parent is None or parent in seen or parent not in everybody:
                self.problems.add(annotation.line, "refers to no annotation with times")
                return None
            seen.add(parent)
            annotation = everybody[parent]
        first, last = (self._slots.get(slot) for slot in annotation.slots)
        return None if first is None or last is None else (first, last)

    def _refuse(self, *_: object) -> None:
        raise InputError(
            f"not usable as an ELAN file:\nline {self._expat.CurrentLineNumber}: a document type "
            "declaration, which can expand without end",
            expected="an .eaf file as ELAN writes it, which has none",
        )

    def _start(self, name: str, has: dict[str, str]) -> None:
        line = self._expat.CurrentLineNumber
        if name == "ANNOTATION_DOCUMENT":
            self._is_eaf = True
        elif name == "HEADER" and has.get("TIME_UNITS", "milliseconds") != "milliseconds":
            self.problems.add(line, "times in another unit", "milliseconds")
        elif name == "TIME_SLOT":
            self._slots[has.get("TIME_SLOT_ID", "")] = self._time(line, has.get("TIME_VALUE"))
        elif name == "TIER":
            who = has.get("ANNOTATOR") or None
            self.tiers.append(_Tier(has.get("TIER_ID", ""), who))
        elif name in {"ALIGNABLE_ANNOTATION", "REF_ANNOTATION"} and self.tiers:
            slots = (has.get("TIME_SLOT_REF1", ""), has.get("TIME_SLOT_REF2", ""))
            aligned = name == "ALIGNABLE_ANNOTATION"
            self._open = _Annotation(line, slots if aligned else None, has.get("ANNOTATION_REF"))
            own = self.tiers[-1].annotations
            own[has.get("ANNOTATION_ID") or f"line {line}, {len(own)}"] = self._open
        elif name == "ANNOTATION_VALUE":
            self._text = []

    def _end(self, name: str) -> None:
        if name == "ANNOTATION_VALUE" and self._text is not None and self._open is not None:
            self._open.text = "".join(self._text).strip()
        if name == "ANNOTATION_VALUE":
            self._text = None

    def _characters(self, text: str) -> None:
        if self._text is not None:
            self._text.append(text)

    def _time(self, line: int, text: str | None) -> int | None:
        if text is None:
            return None
        if text.isascii() and text.isdigit() and len(text) <= _DIGITS:
            return int(text)
        self.problems.add(line, "a time that cannot be read", "whole milliseconds, from 0 on")
        return None
