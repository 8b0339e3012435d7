"""Everything that a report shows, in words and places, before it becomes HTML."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from pipeline.audio.clips import Clip
from pipeline.core.tables import (
    DIARIZATION,
    MEDIA,
    QUALITY,
    ROLES,
    SILENCES,
    TRANSCRIPTION,
    TURNS,
    Recording,
    Tables,
)
from pipeline.core.time import ms_to_clock
from pipeline.report import cards, figures, labels, number_format, quality, timeline
from pipeline.report.cards import Card
from pipeline.report.evidence import Evidence
from pipeline.report.figures import ComingIn, Share, Strip
from pipeline.report.number_format import SECOND_MS
from pipeline.report.quality import Quality, is_cut_off
from pipeline.report.speakers import People, people
from pipeline.report.timeline import SHOWN_SILENCE_MS, Timeline
from pipeline.report.timeline_table import Stretches, stretches
from pipeline.workspace.provenance import DisabledFamily, Provenance

LIMITS = (
    "Tether suggests moments; you decide whether each is a rupture.",
    "No threshold in the rules is clinically validated.",
    "Language, accent, culture, neurodivergence and video delay all change what is typical.",
    "Rules miss ruptures and raise false alarms. Silence, in particular, is often productive.",
    "Tether does not assess risk or look for danger to anyone.",
    "Tether does not score or rank therapists, clients or sessions.",
)


@dataclass(frozen=True)
class Notice:
    """Something to know before reading the report; `level` is alert or note."""

    level: str
    title: str
    text: str
    commands: tuple[str, ...] = ()


@dataclass(frozen=True)
class Fact:
    """One entry of the header."""

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Speaker:
    """A speaker with the role and where the role comes from."""

    speaker: str
    role: str
    source: str
    because: str


@dataclass(frozen=True)
class Page:
    """The whole report; `voices` names whose voices the file contains, empty without audio."""

    title: str
    subtitle: str
    facts: tuple[Fact, ...]
    glance: tuple[Fact, ...]
    limits: tuple[str, ...]
    notices: tuple[Notice, ...]
    voices: str
    language: str
    timeline: Timeline
    stretches: Stretches
    moments: tuple[Card, ...]
    moves: tuple[Card, ...]
    empty: str
    shares: tuple[Share, ...]
    silences: Strip
    latencies: Strip
    coming_in: tuple[ComingIn, ...]
    overlap_kinds: tuple[str, ...]
    cut: tuple[Evidence, ...]
    suppressed: tuple[Evidence, ...]
    alone: tuple[Evidence, ...]
    quality: Quality
    disabled: tuple[DisabledFamily, ...]
    speakers: tuple[Speaker, ...]
    people: People
    has_words: bool
    recording_id: str
    provenance: Provenance


def build(
    recording: Recording, tables: Tables, provenance: Provenance, clips: Mapping[int, Clip]
) -> Page:
    """Everything that the report of one session shows; a missing table counts as empty."""
    turns = tables.get("turns", TURNS.empty())
    who = people(tables, recording.metadata)
    disabled = quality.disabled(tables)
    moments = cards.moments(recording, tables, who, clips)
    numbers = cards.numbers(tables)
    metadata = recording.metadata
    code = _language(recording, tables)
    return Page(
        title=title(recording),
        subtitle=f"with therapist {metadata.therapist}" if metadata.therapist else "",
        facts=_facts(recording, tables, labels.language(code), provenance),
        glance=_glance(recording, tables, moments, looked=who.known),
        limits=LIMITS,
        notices=notices(recording, tables, provenance),
        voices=_voices(who) if clips else "",
        language=code or "",
        timeline=timeline.whole(tables, who, recording.duration_ms, numbers),
        stretches=stretches(tables, who, recording.duration_ms, numbers),
        moments=moments,
        moves=cards.moves(recording, tables, who),
        empty=_empty(turns, who, disabled),
        shares=figures.shares(tables, who) if quality.ends_known(tables) else (),
        silences=figures.silences(tables, who),
        latencies=figures.latencies(tables, who),
        coming_in=figures.coming_in(tables, who),
        overlap_kinds=tuple(labels.OVERLAPS.values()),
        cut=cards.cut(tables),
        suppressed=cards.suppressed(tables),
        alone=cards.alone(tables),
        quality=quality.quality(tables),
        disabled=disabled,
        speakers=_speakers(tables),
        people=who,
        has_words=_has_words(turns),
        recording_id=recording.recording_id,
        provenance=provenance,
    )


def title(recording: Recording) -> str:
    """Client's pseudonym and number of the session, as far as they are known."""
    metadata = recording.metadata
    client = f"Client {metadata.client}" if metadata.client else f"Recording {recording.short_id}"
    number = metadata.session_number
    return client if number is None else f"{client} \u00b7 session {number}"


def _voices(who: People) -> str:
    """Whose voices a report with clips contains."""
    lanes = (f"{person.name.lower()} {person.note}".strip() for person in who.lanes)
    return number_format.listed(list(lanes))


def _language(recording: Recording, tables: Tables) -> str | None:
    heard = tables.get("transcription", TRANSCRIPTION.empty())["language"].drop_nulls()
    return str(heard[0]) if heard.len() else recording.metadata.language


def _facts(
    recording: Recording, tables: Tables, language: str, provenance: Provenance
) -> tuple[Fact, ...]:
    metadata = recording.metadata
    audio = "Transcript without audio"
    if recording.channels:
        channels = number_format.count(recording.channels, "channel")
        rate = f"{(recording.sample_rate_hz or 0) / 1000:g} kHz"
        audio = f"{channels}, {rate}" if recording.sample_rate_hz else channels
    return (
        Fact("Language", language),
        Fact("Consent", metadata.consent or "no reference recorded"),
        Fact("Recording", audio),
        _good(tables),
        *(
            Fact(engine.task[:1].upper() + engine.task[1:], engine.name, engine.because)
            for engine in provenance.engines
        ),
    )


def _good(tables: Tables) -> Fact:
    """Whether the recording is good enough for every rule."""
    if tables.get("quality", QUALITY.empty()).is_empty():
        return Fact("Quality", "not measured")
    disabled = quality.disabled(tables)
    if not disabled:
        return Fact("Quality", "good enough for every rule")
    families = number_format.listed(list(dict.fromkeys(entry.family for entry in disabled)))
    reasons = "; ".join(entry.because for entry in disabled)
    return Fact("Quality", f"rules based on {families} were not used", reasons)


def _glance(
    recording: Recording, tables: Tables, moments: tuple[Card, ...], *, looked: bool
) -> tuple[Fact, ...]:
    """Numbers of the header; a dash where nothing could be assessed."""
    silences = tables.get("silences", SILENCES.empty()).filter(
        (pl.col("length_ms") >= SHOWN_SILENCE_MS) & (pl.col("kind") != "edge")
    )
    longest = silences["length_ms"].max()
    if quality.ends_known(tables):
        number = f"{silences.height:,}"
        note = f"longest {number_format.length(longest)}" if isinstance(longest, int) else ""
    else:
        number, note = "\u2013", "not measured"
    return (
        Fact("recorded", ms_to_clock(recording.duration_ms)),
        *(
            Fact(
                labels.KINDS[kind] if looked else f"{labels.KINDS[kind]}: not looked for",
                str(sum(card.kind == kind for card in moments)) if looked else "\u2013",
                kind,
            )
            for kind in ("withdrawal", "confrontation")
        ),
        Fact("silences of 1 s or longer", number, note),
    )


def _has_words(turns: pl.DataFrame) -> bool:
    return turns["text"].null_count() < turns.height


def notices(recording: Recording, tables: Tables, provenance: Provenance) -> tuple[Notice, ...]:
    """What to know before trusting the results; titles and texts name no speaker label."""
    turns = tables.get("turns", TURNS.empty())
    who = people(tables, recording.metadata)
    notices = [*_speaking(turns, who, provenance), *_source(recording, tables)]
    remarks = " ".join(provenance.notes)
    if turns.height and not _has_words(turns):
        reasons = tables.get("transcription", TRANSCRIPTION.empty())["note"].drop_nulls()
        reason = "" if remarks or not reasons.len() else f" Reason: {reasons[0]}."
        notices.append(
            Notice(
                "note",
                "Timing only",
                "There is no transcript, so only rules based on timing and voice were used, and "
                f"the therapist's response could not be assessed.{reason}",
            )
        )
    overlap = tables.get("diarization", DIARIZATION.empty())["knows_overlap"]
    if overlap.len() and not overlap.all():
        notices.append(
            Notice(
                "note",
                "Overlapping speech was not measured",
                f"{_one_at_a_time(tables)} gives one speaker at a time, so rules that need overlap "
                "were not used.",
            )
        )
    if provenance.notes:
        notices.append(Notice("note", "Please note", remarks))
    return tuple(notices)


def _one_at_a_time(tables: Tables) -> str:
    engine = tables.get("diarization", DIARIZATION.empty())["engine"]
    return "The imported file" if (engine == "imported").any() else "The diarizer"


def _speaking(turns: pl.DataFrame, who: People, provenance: Provenance) -> Iterator[Notice]:
    if turns.is_empty():
        yield Notice(
            "alert",
            "No speech was found",
            "There is nothing to measure in this recording. If people do speak in it, the level "
            "may be too low, or the wrong track was recorded.",
        )
    elif not who.known:
        yield Notice(
            "alert",
            "Who is the therapist? No moments are flagged",
            "Tether does not know which speaker is the therapist, and mixing them up would produce "
            "misleading results. Say who is who once; everything else is kept.",
            provenance.role_commands,
        )


def _source(recording: Recording, tables: Tables) -> Iterator[Notice]:
    if recording.channels == 0:
        timing = (
            "Timing is only as accurate as the times in the transcript."
            if quality.ends_known(tables)
            else "The transcript does not say when lines end, so timing was not measured."
        )
        yield Notice(
            "note",
            "A transcript without audio",
            f"{timing} Voice could not be measured, so rules that need it were not used.",
        )
    for media in tables.get("media", MEDIA.empty()).iter_rows(named=True):
        promised = media["promised_ms"]
        if is_cut_off(tables):
            yield Notice(
                "alert",
                "The recording is cut off",
                f"Its header announces {ms_to_clock(promised)}, but it contains only "
                f"{ms_to_clock(media['duration_ms'])}. The missing part was not analysed.",
            )
        if media["damaged_packets"] or media["gap_ms"] >= SECOND_MS:
            yield Notice(
                "note",
                "Parts of the recording are damaged",
                f"{number_format.count(media['damaged_packets'], 'packet')} could not be "
                f"decoded, and {number_format.length(media['gap_ms'])} of audio is missing. "
                "What looks like silence there may be lost speech.",
            )


def _empty(turns: pl.DataFrame, who: People, disabled: tuple[DisabledFamily, ...]) -> str:
    if turns.is_empty():
        return "No speech was found, so no moment could be suggested."
    if not who.known:
        return "No moment is suggested while the roles are unknown."
    unused = ", ".join(f"{entry.family} ({entry.because})" for entry in disabled)
    return (
        "No moment was suggested in this session. This does not mean that none occurred: the "
        "rules know some outward signs, not all."
        + (f" Rules based on these were not used: {unused}." if unused else "")
    )


def _speakers(tables: Tables) -> tuple[Speaker, ...]:
    sources: Mapping[str, str] = labels.ROLE_SOURCES
    return tuple(
        Speaker(
            row["speaker"],
            labels.ROLES[row["role"]],
            sources[row["source"]]
            + (f", margin {row['margin']:.2f}" if row["margin"] is not None else ""),
            row["because"] or "",
        )
        for row in tables.get("roles", ROLES.empty()).iter_rows(named=True)
    )
