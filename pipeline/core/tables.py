"""Every table that stages exchange.

Times are whole milliseconds from the start of the recording, half-open ``[start_ms, end_ms)``.
**Null means "could not be measured", never zero; NaN is refused.**

Processing fills the tables in this order::

    media, dropouts -> activity, doubts, losses -> spans -> words -> turns, units, silences,
    overlaps -> readings, frames -> values -> roles -> measures -> hits -> moments,
    set_aside
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from pipeline.core.schema import Column, Schema
from pipeline.core.spelling import SHORT_ID
from pipeline.core.vocabulary import ITEMS, MARKERS, MOMENT_KINDS, RESPONSES, ROLE_NAMES, Role

Tables = Mapping[str, pl.DataFrame]
"""Tables by name; each conforms to the schema of that name in `SCHEMAS`."""


@dataclass(frozen=True)
class Metadata:
    """What the session notes file says about a recording; every key is optional.

    Attributes
    ----------
    client, therapist
        Pseudonyms.
    language
        ISO 639-1 code, or ISO 639-3 if there is none; "und" if a file states a language that is not
        understood; None lets the transcriber decide.
    speakers
        Number of speakers, if known.
    channels
        Role of each channel, by 1-based number.
    roles
        Role of each speaker label, if labels come from an imported file.
    consent
        Reference of the recorded consent.
    code
        Name of the session in files of human codes.
    """

    client: str | None = None
    therapist: str | None = None
    session_number: int | None = None
    date: dt.date | None = None
    language: str | None = None
    speakers: int | None = None
    channels: Mapping[int, Role] = field(default_factory=dict)
    roles: Mapping[str, Role] = field(default_factory=dict)
    consent: str | None = None
    code: str | None = None


@dataclass(frozen=True)
class Recording:
    """One recorded session, without its samples and without a path.

    Attributes
    ----------
    recording_id
        SHA-256 of the bytes, 64 hexadecimal digits; for several files, SHA-256 of their digests.
    duration_ms
        Length on the container's own clock.
    sample_rate_hz
        Sample rate of the file before conversion; None for a transcript without audio.
    channels
        Number of audio channels; 0 for a transcript without audio.
    """

    recording_id: str
    duration_ms: int
    sample_rate_hz: int | None
    channels: int
    metadata: Metadata

    @property
    def short_id(self) -> str:
        """The digits of the id that commands print."""
        return self.recording_id[:SHORT_ID]


def _span_checks() -> tuple[tuple[str, pl.Expr], ...]:
    return (
        ("start_ms >= 0", pl.col("start_ms") >= 0),
        ("start_ms < end_ms", pl.col("start_ms") < pl.col("end_ms")),
    )


_START = Column("start_ms", pl.Int64, "first millisecond")
_END = Column("end_ms", pl.Int64, "first millisecond after")
_CHANNEL = Column("channel", pl.Int16, "0-based audio channel", null="all channels, mixed")
_REPAIRS = Column(
    "repairs",
    pl.List(pl.String),
    "sentences for a person: what was repaired or skipped, with counts",
    null="nothing",
)
_SPEAKER = Column("speaker", pl.String, "speaker label, stable within the recording")


def _role(name: str, means: str, null: str = "") -> Column:
    return Column(name, pl.String, means, null=null, allowed=ROLE_NAMES)


MEDIA = Schema(
    "media",
    (
        Column("duration_ms", pl.Int64, "length on the container's clock"),
        Column("sample_rate_hz", pl.Int64, "before conversion", null="no audio"),
        Column("channels", pl.Int16, "audio channels; 0 without audio"),
        Column(
            "distinct_channels",
            pl.Boolean,
            "the channels carry different speech",
            null="fewer than two channels",
        ),
        Column(
            "correlation",
            pl.Float32,
            "smallest correlation of two channels with sound, -1..1; 1: all carry the same",
            null="fewer than two channels with sound",
        ),
        Column(
            "factors",
            pl.List(pl.Float32),
            "factor applied to the samples of each channel of the files; negative: inverted",
            null="all are 1",
        ),
        Column("codec", pl.String, "name of the audio codec", null="no audio"),
        Column("damaged_packets", pl.Int64, "packets that did not decode and were skipped"),
        Column("gap_ms", pl.Int64, "time that the container skipped, filled with zeros"),
        Column(
            "promised_ms",
            pl.Int64,
            "length that the container's header announces; more than duration_ms: cut off",
            null="it announces none",
        ),
        _REPAIRS,
    ),
    (("duration_ms > 0", pl.col("duration_ms") > 0),),
)

DROPOUTS = Schema(
    "dropouts",
    (_START, _END, Column("channel", pl.Int16, "0-based audio channel")),
    _span_checks(),
)
"""Runs of exact digital zeros: lost signal, or the silence of a gated recording."""

LOSSES = Schema("losses", DROPOUTS.columns, DROPOUTS.checks)
"""Rows of `dropouts` in which signal was lost, so that speech may be missing."""

ACTIVITY = Schema(
    "activity",
    (
        _START,
        _END,
        Column("channel", pl.Int16, "0-based audio channel"),
        Column("speech_probability", pl.Float32, "mean probability of the detector, 0-1"),
        Column("level_dbfs", pl.Float32, "root mean square of the stretch", null="digital zeros"),
    ),
    _span_checks(),
)
"""Stretches of speech on each channel, whoever speaks."""

DOUBTS = Schema(
    "doubts",
    (
        _START,
        _END,
        Column("channel", pl.Int16, "0-based audio channel"),
        Column("speech_probability", pl.Float32, "largest probability of the detector, 0-1"),
    ),
    _span_checks(),
)
"""Stretches that may be a quiet voice: not counted as speech, but not certain silence either."""

SPANS = Schema(
    "spans",
    (
        _START,
        _END,
        _SPEAKER,
        _CHANNEL,
        Column("confidence", pl.Float32, "0-1", null="the diarizer gives none"),
        Column(
            "exclusive",
            pl.Boolean,
            "belongs to the view with one speaker at a time, from which words get their speaker",
        ),
        Column(
            "regular",
            pl.Boolean,
            "belongs to the view with overlapping speech, in which timing is measured",
        ),
    ),
    _span_checks(),
)
"""Who spoke when. A diarizer without an exclusive view marks each span as both."""

DIARIZATION = Schema(
    "diarization",
    (
        Column("engine", pl.String, "name of the diarizer"),
        Column("speakers", pl.Int16, "number of speakers found"),
        Column("margin", pl.Float32, "separation of the speakers, 0-1", null="not defined"),
        Column("knows_overlap", pl.Boolean, "overlapping speech is detected"),
        Column(
            "ends_estimated",
            pl.Boolean,
            "imported lines lack ends, or too many do: where speech stops is a guess",
            null="the diarizer measures ends",
        ),
        _REPAIRS,
    ),
)

WORDS = Schema(
    "words",
    (
        Column("word_id", pl.Int64, "0-based, in order of start"),
        _START,
        _END,
        Column("speaker", pl.String, "speaker label"),
        Column("text", pl.String, "one word with its punctuation"),
        Column("confidence", pl.Float32, "0-1", null="the transcriber gives none"),
        Column(
            "timing",
            pl.String,
            "aligned: measured by the transcriber; interpolated: spread over a longer line",
            allowed=("aligned", "interpolated"),
        ),
    ),
    _span_checks(),
)

TRANSCRIPTION = Schema(
    "transcription",
    (
        Column("engine", pl.String, "name of the transcriber; 'none' for timing only"),
        Column("language", pl.String, "ISO 639 code; und: not understood", null="no transcript"),
        Column("dropped_words", pl.Int64, "words dropped because there was no speech"),
        Column("note", pl.String, "why there is no transcript, for a person", null="there is one"),
        _REPAIRS,
    ),
)

TURNS = Schema(
    "turns",
    (
        Column("turn_id", pl.Int64, "0-based, in order of start"),
        _SPEAKER,
        _role("role", "role of the speaker"),
        _START,
        _END,
        Column("text", pl.String, "its words", null="no words were recognised"),
        Column("n_words", pl.Int64, "number of its words", null="no words were recognised"),
        Column(
            "is_backchannel",
            pl.Boolean,
            "an acknowledgement while the other speaks or before the other goes on",
            null="no words were recognised",
        ),
        Column(
            "latency_ms",
            pl.Int64,
            "gap from the end of the other's previous turn; negative: began in overlap",
            null="nobody else had the floor just before, or the other kept it; or a backchannel",
        ),
        Column(
            "transition",
            pl.String,
            "how it took over: after a gap, in overlap, or latched (neither is audible)",
            null="as latency_ms; also no gap, if overlapping speech is not detected",
            allowed=("gap", "latch", "overlap"),
        ),
    ),
    _span_checks(),
)

UNITS = Schema(
    "units",
    (
        Column("unit_id", pl.Int64, "0-based, in order of start"),
        Column("turn_id", pl.Int64, "turn that it belongs to"),
        _SPEAKER,
        _START,
        _END,
        Column("n_words", pl.Int64, "number of its words", null="no words were recognised"),
    ),
    _span_checks(),
)
"""Inter-pausal units: speech of one person without a pause of `unit_pause_ms`."""

SILENCES = Schema(
    "silences",
    (
        Column("silence_id", pl.Int64, "0-based, in order of start"),
        _START,
        _END,
        Column("length_ms", pl.Int64, "end_ms - start_ms"),
        Column("before_speaker", pl.String, "who spoke last", null="recording starts with it"),
        Column("after_speaker", pl.String, "who spoke next", null="recording ends with it"),
        _role("before_role", "role of before_speaker", null="recording starts with it"),
        _role("after_role", "role of after_speaker", null="recording ends with it"),
        Column(
            "kind",
            pl.String,
            "pause: same speaker goes on soon; lapse: same speaker, later; gap: between speakers; "
            "edge: before the first or after the last speech",
            allowed=("pause", "lapse", "gap", "edge"),
        ),
        Column("missed_speech_risk", pl.Boolean, "it may contain quiet speech or lost signal"),
        Column(
            "dropout_ms",
            pl.Int64,
            "part of it in which a speaker's signal was lost",
        ),
    ),
    (*_span_checks(), ("length", pl.col("length_ms") == pl.col("end_ms") - pl.col("start_ms"))),
)

OVERLAPS = Schema(
    "overlaps",
    (
        Column("overlap_id", pl.Int64, "0-based, in order of start"),
        _START,
        _END,
        Column("holder", pl.String, "speaker who had the floor"),
        Column("other", pl.String, "speaker who came in"),
        _role("holder_role", "role of holder"),
        _role("other_role", "role of other"),
        Column(
            "kind",
            pl.String,
            "outcome",
            null="unclear: words are needed, and there are none",
            allowed=("backchannel", "cooperative", "floor_taking", "failed_attempt"),
        ),
        Column(
            "form",
            pl.String,
            "form of a cooperative overlap",
            null="another kind, or words are needed, and there are none",
            allowed=("terminal", "continuer", "completion", "choral"),
        ),
        Column("holder_turn", pl.Int64, "turn_id of the holder's turn"),
        Column("other_turn", pl.Int64, "turn_id of the other's turn"),
        Column("into_ms", pl.Int64, "how long the holder's turn had lasted when the other came in"),
        Column(
            "went_on",
            pl.String,
            "whose turn lasted audibly beyond the overlap",
            allowed=("holder", "other", "both", "neither"),
        ),
        Column(
            "cut_off",
            pl.Boolean,
            "the holder's turn broke off unfinished as the other came in",
            null="there are no words, or they do not show it",
        ),
    ),
    _span_checks(),
)

VOICES = Schema(
    "voices",
    (
        _SPEAKER,
        Column("enrolled", pl.String, "pseudonym of an enrolled therapist"),
        Column(
            "similarity",
            pl.Float32,
            "cosine of the two voices; 1: identical",
            null="the speaker hardly talks alone",
        ),
        Column("speech_ms", pl.Int64, "speech of the speaker alone that the voice rests on"),
    ),
    (("speech_ms >= 0", pl.col("speech_ms") >= 0),),
)

ROLES = Schema(
    "roles",
    (
        _SPEAKER,
        _role("role", "role of the speaker"),
        Column(
            "source",
            pl.String,
            "where the role comes from",
            allowed=("corrected", "sidecar", "enrolled", "inferred", "unknown"),
        ),
        Column("margin", pl.Float32, "margin of the inference, 0-1", null="not inferred"),
        Column("because", pl.String, "the inference in words", null="not inferred"),
    ),
)

_NO_PHONATION = "no steady voice on which it is valid, or not measured"

FRAMES = Schema(
    "frames",
    (
        Column("t_ms", pl.Int64, "centre, 10 * k"),
        _CHANNEL,
        Column("f0_hz", pl.Float32, "fundamental frequency", null="unvoiced"),
        Column("voicing", pl.Float32, "confidence that it is voiced, 0-1"),
        Column("level_dbfs", pl.Float32, "root mean square, dB full scale", null="digital zeros"),
        Column(
            "vowel_dbfs",
            pl.Float32,
            "the same, in the frequency band of vowels",
            null="digital zeros",
        ),
        Column("hnr_db", pl.Float32, "harmonics-to-noise ratio", null=_NO_PHONATION),
        Column("cpp_db", pl.Float32, "cepstral peak prominence", null=_NO_PHONATION),
        Column(
            "jitter", pl.Float32, "local jitter of the periods around it, 0-1", null=_NO_PHONATION
        ),
        Column(
            "shimmer", pl.Float32, "local shimmer of the periods around it, 0-1", null=_NO_PHONATION
        ),
    ),
    (("t_ms is a multiple of 10", pl.col("t_ms") % 10 == 0),),
)
"""Pitch, level and periodicity every 10 ms, during speech only."""

QUALITY = Schema(
    "quality",
    (
        _CHANNEL,
        Column("measure", pl.String, "snr_db, clipped_share, bandwidth_hz, speech_share, ..."),
        Column("value", pl.Float64, "in the unit of its name", null="could not be measured"),
        Column("disables", pl.List(pl.String), "families of rules that it disables"),
        Column("because", pl.String, "reason, for a supervisor", null="it disables none"),
    ),
)

READINGS = Schema(
    "readings",
    (
        _START,
        _END,
        _SPEAKER,
        Column("marker", pl.String, "marker of the 3RS", allowed=tuple(MARKERS)),
        Column(
            "probability",
            pl.Float64,
            "that the turn shows it, 0-1; the sum over the markers of a turn is at most 1",
        ),
        Column(
            "clause",
            pl.String,
            "words of the turn that carry the reading; on its likeliest marker only",
            null="the turn hardly shows anything, or another marker is likelier",
        ),
        Column(
            "resembles",
            pl.List(pl.String),
            "examples written for this project that are nearest, nearest first",
            null="as clause",
        ),
    ),
    _span_checks(),
)
"""What each turn shows to a reader, as if its speaker were the client; times and speaker identify
the turn, so that turns which are cut otherwise have no reading. Acknowledgements are not read."""

_VALUE = (
    Column("item", pl.String, "what is measured", allowed=ITEMS),
    Column("item_id", pl.Int64, "its id in its table, the window's number, or 0 (session)"),
    Column("speaker", pl.String, "person measured", null="the pair"),
    Column("feature", pl.String, "name in the feature catalogue"),
    Column("value", pl.Float64, "in the feature's unit", null="could not be measured"),
)


VALUES = Schema("values", _VALUE)
"""Values of all features for everyone; rules, report and exports use `measures` instead."""

MEASURES = Schema(
    "measures",
    (
        *_VALUE,
        Column("z", pl.Float64, "robust z within the feature's group", null="no baseline"),
        Column("pct", pl.Float64, "percentile rank within the group, 0-1", null="no baseline"),
        Column("n_baseline", pl.Int64, "number of values in the baseline"),
    ),
)

CLAUSE = pl.Struct(
    {
        "text": pl.String,
        "condition": pl.String,
        "params": pl.List(pl.String),
        "observed": pl.String,
        "held": pl.Boolean,
        "set_aside": pl.String,
    }
)
"""One clause of a hit: sentence with values filled in, condition with parameters filled in, names
of these parameters, observed values as JSON (`x_n`: number of values in the baseline of x), whether
it held, and why it was set aside (null: it was not)."""

HITS = Schema(
    "hits",
    (
        Column("hit_id", pl.Int64, "0-based, in order of start"),
        Column("rule", pl.String, "id of the rule"),
        Column("kind", pl.String, "kind of moment that it indicates", allowed=MOMENT_KINDS),
        Column("marker", pl.String, "3RS code"),
        Column("primary", pl.Boolean, "a main sign: may make a moment by itself"),
        Column("weight", pl.Float64, "share of the rule's hits that are right, 0-1"),
        Column("item", pl.String, "kind of item that the rule looks at", allowed=ITEMS),
        Column("item_ids", pl.List(pl.Int64), "ids of the items that fulfilled the rule"),
        _START,
        _END,
        Column("clauses", pl.List(CLAUSE), "its evidence"),
        Column("params", pl.String, "parameters with value and source, as JSON"),
        Column("suppressed_by", pl.String, "exceptions that rule it out", null="it counts"),
    ),
    _span_checks(),
)

MOMENTS = Schema(
    "moments",
    (
        Column(
            "moment_id", pl.Int64, "0-based, in order of start, counted together with set_aside"
        ),
        Column(
            "kind", pl.String, "withdrawal, confrontation, therapist_move", allowed=MOMENT_KINDS
        ),
        Column("marker", pl.String, "3RS code of its strongest main sign"),
        _START,
        _END,
        Column("score", pl.Float64, "strength, 0-1: ranks moments of one session"),
        Column("primary_hits", pl.List(pl.Int64), "hit_id of its main signs"),
        Column("supporting_hits", pl.List(pl.Int64), "hit_id of its weak signs"),
        Column("quote_turns", pl.List(pl.Int64), "turn_id of the turns to show"),
        Column(
            "response",
            pl.String,
            "therapist's response",
            null="the recording ends too soon, or there are no words",
            allowed=RESPONSES,
        ),
        Column(
            "response_codes",
            pl.List(pl.String),
            "3RS resolution codes found: R1 and R3 are direct strategies, R2 is indirect, R4 to R9 "
            "are expressive, R10 redirects",
        ),
        Column("response_turns", pl.List(pl.Int64), "turn_id of the turns that show the response"),
        Column("caveats", pl.List(pl.String), "sentences for the supervisor"),
    ),
    _span_checks(),
)

SET_ASIDE = Schema(
    "set_aside",
    (*MOMENTS.columns, Column("because", pl.String, "why it is not shown, for a supervisor")),
    MOMENTS.checks,
)
"""Moments that the settings keep off the list; `moments` and this table share one series of ids."""

SCHEMAS: dict[str, Schema] = {
    schema.name: schema
    for schema in (
        MEDIA,
        DROPOUTS,
        LOSSES,
        ACTIVITY,
        DOUBTS,
        SPANS,
        DIARIZATION,
        VOICES,
        WORDS,
        TRANSCRIPTION,
        TURNS,
        UNITS,
        SILENCES,
        OVERLAPS,
        ROLES,
        FRAMES,
        QUALITY,
        READINGS,
        VALUES,
        MEASURES,
        HITS,
        MOMENTS,
        SET_ASIDE,
    )
}
