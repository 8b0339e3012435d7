"""What a supervisor sees of the moments of a session, and what is set aside, with the reason.

Everything is known of a moment before it is cut: what the therapist did next was looked for in all
of them, and a moment that is set aside still ends the time in which an answer to the one before it
counts. Nothing is lost: table `set_aside` holds the rest.
"""

from collections.abc import Sequence

from pipeline import config
from pipeline.rules.moments import Row


def cut(moments: Sequence[Row], settings: config.Moments) -> tuple[list[Row], list[Row]]:
    """Rows of tables `moments` and `set_aside`, of all moments of a session.

    Parameters
    ----------
    moments
        Rows of table `moments`.
    settings
        `min_score` holds for all; `max_per_session` for withdrawal and confrontation together, for
        a therapist's moves stand apart. Of equal scores the earlier comes first.
    """
    least, most = settings.min_score, settings.max_per_session
    reasons = {
        row["moment_id"]: f"its score, {row['score']:.2f}, is under the least that is shown, "
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
                f"{most} moments of this session rank before it, and no more are shown "
                "(moments.max_per_session)"
            )
    shown = [row for row in moments if row["moment_id"] not in reasons]
    aside = [
        {**row, "because": reasons[row["moment_id"]]}
        for row in moments
        if row["moment_id"] in reasons
    ]
    return shown, aside
