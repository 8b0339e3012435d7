"""The voice of a session's therapist, to be enrolled."""

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
    """Voice of the one therapist of a walked session, and the speech in ms that it rests on.

    Raises
    ------
    ConfigError
        The sidecar names another therapist.
    InputError
        Nobody said who the therapist is, the recording is another or has no audio, or the
        therapist hardly talks alone.
    """
    named = processed.recording.metadata.therapist
    if named not in (None, therapist):
        raise ConfigError(
            "the sidecar of this session names another therapist",
            hint="check the name that you typed, and the sidecar",
        )
    if source.recording_id != processed.recording.recording_id or not source.audio:
        raise InputError(
            "the recording of this session is not there any more, or has no audio",
            hint="run `tether run` on the recording, and enrol from it",
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
            f"the therapist talks alone for {speech_ms / 1000:.0f} s only",
            expected=f"{settings.voices.speech_min_ms / 1000:.0f} s of speech",
            hint="enrol from another session",
        )
    return voice, speech_ms


def _therapist(processed: SessionResult) -> str:
    """The speaker who is the therapist, as a person said."""
    rows = processed.tables["roles"].filter(role="therapist")
    sure = [row["speaker"] for row in rows.iter_rows(named=True) if row["source"] in _PEOPLE]
    if len(sure) != 1:
        raise InputError(
            f"this session has {len(sure)} speakers of whom a person said that they are the "
            "therapist",
            expected="one: an inference must not choose whose voice is kept",
            hint='tether correct SESSION "SPEAKER=therapist"',
        )
    return str(sure[0])


_PEOPLE = ("corrected", "sidecar")
