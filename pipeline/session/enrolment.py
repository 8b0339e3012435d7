"""Measure the voice of a session's therapist for enrolment."""

from pipeline.config import Settings
from pipeline.core.errors import ConfigError, InputError
from pipeline.engines.protocols import VoiceEncoder
from pipeline.session.context import Sound
from pipeline.session.intake import Source
from pipeline.session.manifest import SessionResult
from pipeline.speech import voices
from pipeline.speech.voices import Vector
from pipeline.workspace.store import Store


def therapist_voice(
    processed: SessionResult,
    source: Source,
    therapist: str,
    store: Store,
    settings: Settings,
    encoder: VoiceEncoder,
) -> tuple[Vector, int]:
    """Mean voice of the therapist of a processed session, and ms of speech behind it.

    Raises
    ------
    ConfigError
        The session notes file names another therapist.
    InputError
        No person has set who the therapist is, the recording has changed or has no audio, or the
        therapist speaks alone for too short a time.
    """
    named = processed.recording.metadata.therapist
    if named not in (None, therapist):
        raise ConfigError(
            "the session notes file names another therapist",
            hint="check the name that you typed, and the session notes file",
        )
    if source.recording_id != processed.recording.recording_id or not source.audio:
        raise InputError(
            "the recording of this session has changed, or has no audio",
            hint="run `tether run` on the recording, then enrol from it",
        )
    speaker = _therapist(processed)
    sound = Sound(source, store, settings)
    try:
        heard, spans = sound.decoded().audio, processed.tables["spans"]
        voice, speech_ms = voices.mean(heard, spans, speaker, encoder, settings.voices)
    finally:
        sound.close()
    if voice is None:
        raise InputError(
            f"the therapist speaks alone for only {speech_ms / 1000:.0f} s",
            expected=f"{settings.voices.speech_min_ms / 1000:.0f} s of speech",
            hint="enrol from another session",
        )
    return voice, speech_ms


def _therapist(processed: SessionResult) -> str:
    """The speaker whom a person set as therapist."""
    rows = processed.tables["roles"].filter(role="therapist")
    sure = [row["speaker"] for row in rows.iter_rows(named=True) if row["source"] in _PEOPLE]
    if len(sure) != 1:
        raise InputError(
            f"this session has {len(sure)} speakers whom a person set as therapist",
            expected="one: an inferred role must not decide whose voice is kept",
            hint='tether correct SESSION "SPEAKER=therapist"',
        )
    return str(sure[0])


_PEOPLE = ("corrected", "sidecar")
