"""Which moments of a session a supervisor sees, and which are set aside, with the reason.

Moments are complete before any is set aside: the therapist's response was looked for in all of
them, and a moment that is set aside still ends the window of response of the one before it. Nothing
is lost: table `set_aside` has the rest.
"""

from collections.abc import Sequence

from pipeline import config
from pipeline.rules.detection.moments import Row


def cut(moments: Sequence[Row], settings: config.Moments) -> tuple[list[Row], list[Row]]:
    """Split all moments of a session into rows of tables `moments` and `set_aside`.

    Parameters
    ----------
    moments
        Rows of table `moments`.
    settings
        `min_score` applies to all moments; `max_per_session` to withdrawal and confrontation
        together, not to therapist moves. Of equal scores, the earlier moment ranks higher.
    """
    least, most = settings.min_score, settings.max_per_session
    reasons = {
        row["moment_id"]: f"its strength, {row['score']:.2f}, is below this profile's minimum, "
        f"{least:g} (moments.min_score)"
        for row in moments
        if row["score"] < least
    }
    if most is not None:
        ranked = sorted(
            (-row["score"], row["start_ms"], row["moment_id"])
            for row in moments
            if row["moment_id"] not in reasons and row["kind"] != "therapist_move"
        )
        for _, _, moment_id in ranked[most:]:
            reasons[moment_id] = (
                f"this profile shows at most {most} moments per session, and as many rank higher "
                "(moments.max_per_session)"
            )
    shown = [row for row in moments if row["moment_id"] not in reasons]
    aside = [
        {**row, "because": reasons[row["moment_id"]]}
        for row in moments
        if row["moment_id"] in reasons
    ]
    return shown, aside
