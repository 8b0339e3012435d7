"""Errors of the measures themselves: measured dialogues against their known truth."""

from pipeline.engines.vad.silero import Silero
from pipeline.evaluation.accuracy.row import Numbers, Place, Row
from pipeline.evaluation.errors import dialogue
from pipeline.evaluation.errors import measure as measure_error


def measure(place: Place) -> Numbers:
    """Median and 90th percentile of the sizes of errors, of windows of 60 s and of sessions."""
    detector = Silero(place.settings)
    folder = place.data / "read_speech"
    different = measure_error.differences(
        dialogue.dialogues(folder),
        lambda talk: dialogue.from_stereo(talk, place.settings, detector),
        place.settings,
    )
    found: Numbers = {}
    for row in measure_error.errors(different).iter_rows(named=True):
        name = f"{row['item']}_{row['feature']}"
        found |= {f"{name}_median": row["median"], f"{name}_p90": row["p90"]}
    return found


ROWS = (
    Row(
        "measures of a minute, a channel per speaker (`tether measures` has all)",
        "14 composed dialogues, 61 windows of 60 s",
        ("read_speech",),
        measure,
        "error median, P90: talk share {window_60s_talk_share_median:.3f}, "
        "{window_60s_talk_share_p90:.3f}; silence share {window_60s_silence_share_median:.3f}, "
        "{window_60s_silence_share_p90:.3f}; pause share {window_60s_pause_share_median:.3f}, "
        "{window_60s_pause_share_p90:.3f}; longest own silence "
        "{window_60s_own_silence_max_ms_median:.0f} ms, "
        "{window_60s_own_silence_max_ms_p90:.0f} ms; "
        "median latency {window_60s_latency_median_ms_median:.0f} ms, "
        "{window_60s_latency_median_ms_p90:.0f} ms; floor takings "
        "{window_60s_floor_takings_per_min_median:.1f}, "
        "{window_60s_floor_takings_per_min_p90:.1f} a minute",
        slow=True,
    ),
)
