"""Audio around the moments of a processed session, for a report with clips."""

from pipeline.audio.clips import Clip, clip
from pipeline.config import Settings
from pipeline.core.errors import InputError
from pipeline.session.context import Sound
from pipeline.session.intake import Source
from pipeline.session.manifest import SessionResult
from pipeline.workspace.store import Store


def moment_clips(
    processed: SessionResult, source: Source, store: Store, settings: Settings
) -> dict[int, Clip]:
    """A clip for each suggested moment, by moment_id; therapist moves have none.

    Parameters
    ----------
    source
        The recording, at the path in the catalogue.

    Raises
    ------
    InputError
        The recording has changed or has no audio.
    """
    if not source.audio:
        raise InputError(
            "this session has no audio", hint="tether report SESSION, without --with-clips"
        )
    if source.recording_id != processed.recording.recording_id:
        raise InputError(
            "the recording of this session has changed since its last run",
            expected="the same bytes; otherwise times would not match",
            hint="run `tether run` on the recording again",
        )
    moments = processed.tables["moments"].filter(
        processed.tables["moments"]["kind"] != "therapist_move"
    )
    sound = Sound(source, store, settings)
    try:
        heard = sound.decoded().audio
        return {
            moment_id: clip(heard, start_ms, end_ms, settings.clips)
            for moment_id, start_ms, end_ms in moments.select(
                "moment_id", "start_ms", "end_ms"
            ).iter_rows()
        }
    finally:
        sound.close()
