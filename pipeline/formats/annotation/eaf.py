"""ELAN annotation files (EAF 2.8 and later; MPI Psycholinguistics, "EAF Annotation Format").

Read: tiers with time-aligned annotations, and annotations that refer to one (they take its times;
several that refer to the same one share them, as in a symbolic subdivision). Written: aligned tiers
of one linguistic type.

**Times** are those of the recording: the TIME_ORIGIN of the first medium, ELAN's master, is where
the annotations' zero lies in it. A time slot without a value lies between its neighbours: first
those that a chain of annotations leads to, else those beside it in TIME_ORDER::

    slots     ts1=1000    ts2    ts3    ts4=4000
    tier      ├── a1 ──────┼─ a2 ─┼─ a3 ──┤          ts2 is 2000, ts3 is 3000

An annotation that cannot be placed so is left out, and its text kept with its tier.

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

from pipeline.core.errors import InputError
from pipeline.core.schema import Column, Schema
from pipeline.formats.annotation.eaf_times import Annotation, Bounds, placed
from pipeline.formats.repairs import Repairs
from pipeline.formats.text import MOST_TIERS, Problems

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
    participant
        Who is heard or seen in it; None where the file does not say.
    parent
        Name of the tier that this one depends on; None: it stands by itself.
    vocabulary
        Its annotations are chosen from a controlled vocabulary.
    estimated
        How many of the annotations lie between their neighbours, for the file has no times of
        their own.
    unplaced
        Texts of annotations that cannot be placed in time; they are not among the annotations.
    """

    name: str
    annotations: pl.DataFrame
    annotator: str | None = None
    participant: str | None = None
    parent: str | None = None
    vocabulary: bool = False
    estimated: int = 0
    unplaced: tuple[str, ...] = ()


def read(data: bytes, repairs: Repairs | None = None) -> list[Tier]:
    """All tiers of a file, in its order.

    Parameters
    ----------
    repairs
        Counts what concerns the whole file; estimated and unplaced annotations stand with their
        tiers.

    Raises
    ------
    InputError
        No EAF, a document type declaration, an unknown encoding or unit of time, or no annotation
        that can be placed.
    """
    repairs = Repairs() if repairs is None else repairs
    reader = _Reader(repairs)
    reader.parse(data)
    if len(reader.tiers) > MOST_TIERS:
        reader.problems.add("the file", f"{len(reader.tiers)} tiers", f"up to {MOST_TIERS}")
        reader.problems.stop()
    bounds = placed(reader.slots, [tier.annotations for tier in reader.tiers])
    tiers = [reader.tier(tier, bounds) for tier in reader.tiers]
    unplaced = sum(len(tier.unplaced) for tier in tiers)
    if unplaced and not any(tier.annotations.height for tier in tiers):
        what = "1 annotation" if unplaced == 1 else f"{unplaced} annotations"
        reader.problems.add("the file", f"{what} and none with times", "time slots with values")
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


@dataclass(eq=False)
class _Tier:
    name: str
    has: Mapping[str, str]
    annotations: list[Annotation] = field(default_factory=list)


class _Reader:
    """Takes expat's events in."""

    def __init__(self, repairs: Repairs) -> None:
        self.problems = Problems("an ELAN file")
        self.tiers: list[_Tier] = []
        self.slots: dict[str, int | None] = {}
        self._repairs = repairs
        self._origins: list[int] = []
        self._types: dict[str, bool] = {}
        self._vocabulary: dict[str, str] = {}
        self._entry: str | None = None
        self._open: Annotation | None = None
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
            reason = expat.ErrorString(caught.code)
            raise InputError(
                f"not usable as an ELAN file:\nline {caught.lineno}: no XML ({reason})",
                expected="an .eaf file as ELAN writes it",
            ) from None
        except (LookupError, ValueError):  # of an encoding that Python, or expat, does not have
            raise InputError(
                "not usable as an ELAN file:\nline 1: an encoding that cannot be read",
                expected="UTF-8, as ELAN writes it",
                hint="save the file again with the encoding UTF-8",
            ) from None
        if not self._is_eaf:
            raise InputError(
                "XML of another kind than ELAN's", expected="an ANNOTATION_DOCUMENT with tiers"
            )
        origin_ms = self._origins[0] if self._origins else 0
        others = sum(other != origin_ms for other in self._origins)
        self._repairs["Media of an ELAN file with another offset than the first"] += others
        for slot, at_ms in self.slots.items():
            self.slots[slot] = None if at_ms is None else at_ms + origin_ms

    def tier(self, tier: _Tier, bounds: Mapping[Annotation, Bounds | None]) -> Tier:
        """One tier with the times of its annotations."""
        rows: list[dict[str, object]] = []
        unplaced = []
        estimated = 0
        for annotation in tier.annotations:
            text = annotation.text or self._vocabulary.get(annotation.entry or "", "")
            at = bounds[annotation]
            start_ms, end_ms = (round(at.start_ms), round(at.end_ms)) if at else (0, -1)
            start_ms = max(start_ms, 0)
            if at is None or end_ms < start_ms:
                unplaced.append(text)
                continue
            estimated += at.estimated
            # Without length, for its times were rounded: it lasts 1 ms, so that nothing is lost.
            rows.append({"start_ms": start_ms, "end_ms": max(end_ms, start_ms + 1), "text": text})
        frame = ANNOTATIONS.frame(rows).sort("start_ms", "end_ms", maintain_order=True)
        return Tier(
            tier.name,
            frame,
            annotator=tier.has.get("ANNOTATOR") or None,
            participant=tier.has.get("PARTICIPANT", "").strip() or None,
            parent=tier.has.get("PARENT_REF") or None,
            vocabulary=self._types.get(tier.has.get("LINGUISTIC_TYPE_REF", ""), False)
            or any(annotation.entry for annotation in tier.annotations),
            estimated=estimated,
            unplaced=tuple(unplaced),
        )

    def _refuse(self, *_: object) -> None:
        raise InputError(
            f"not usable as an ELAN file:\nline {self._expat.CurrentLineNumber}: a document type "
            "declaration, which can expand without end",
            expected="an .eaf file as ELAN writes it, which has none",
        )

    def _start(self, name: str, has: dict[str, str]) -> None:
        if name == "ANNOTATION_DOCUMENT":
            self._is_eaf = True
        elif name == "HEADER" and has.get("TIME_UNITS", "milliseconds") != "milliseconds":
            line = self._expat.CurrentLineNumber
            self.problems.add(line, "times in another unit", "milliseconds")
        elif name == "MEDIA_DESCRIPTOR":
            self._origins.append(self._origin(has.get("TIME_ORIGIN", "0")))
        elif name == "TIME_SLOT":
            self.slots[has.get("TIME_SLOT_ID", "")] = self._time(has.get("TIME_VALUE"))
        elif name == "TIER":
            self.tiers.append(_Tier(has.get("TIER_ID", ""), has))
        elif name in {"ALIGNABLE_ANNOTATION", "REF_ANNOTATION"} and self.tiers:
            slots = (has.get("TIME_SLOT_REF1", ""), has.get("TIME_SLOT_REF2", ""))
            self._open = Annotation(
                has.get("ANNOTATION_ID", ""),
                slots if name == "ALIGNABLE_ANNOTATION" else None,
                has.get("ANNOTATION_REF"),
                has.get("PREVIOUS_ANNOTATION"),
                has.get("CVE_REF"),
            )
            self.tiers[-1].annotations.append(self._open)
        elif name == "LINGUISTIC_TYPE":
            self._types[has.get("LINGUISTIC_TYPE_ID", "")] = "CONTROLLED_VOCABULARY_REF" in has
        elif name == "CV_ENTRY_ML":
            self._entry = has.get("CVE_ID")
        elif name in {"ANNOTATION_VALUE", "CVE_VALUE"}:
            self._text = []

    def _end(self, name: str) -> None:
        if name not in {"ANNOTATION_VALUE", "CVE_VALUE"} or self._text is None:
            return
        text = "".join(self._text).strip()
        self._text = None
        if name == "CVE_VALUE" and self._entry:
            self._vocabulary.setdefault(self._entry, text)
        elif name == "ANNOTATION_VALUE" and self._open:
            self._open.text = text

    def _characters(self, text: str) -> None:
        if self._text is not None:
            self._text.append(text)

    def _time(self, text: str | None) -> int | None:
        """Of a slot; None: it has none of its own (ELAN itself once wrote -1)."""
        if text is None or text == "-1":
            return None
        if text.isascii() and text.isdigit() and len(text) <= _DIGITS:
            return int(text)
        self._repairs["Time slots of an ELAN file whose time cannot be read"] += 1
        return None

    def _origin(self, text: str) -> int:
        digits = text.removeprefix("-")
        if digits.isascii() and digits.isdigit() and len(digits) <= _DIGITS:
            return int(text)
        line = self._expat.CurrentLineNumber
        self.problems.add(line, "a TIME_ORIGIN that cannot be read", "whole milliseconds")
        return 0
