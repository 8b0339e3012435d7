"""What a supervisor sees of the moments of a session, and what is set aside, with the reason.

Everything is known of a moment before it is cut: what the therapist did next was looked for in all
of them, and a moment that is set aside still ends the time in which an answer to the one before it
counts. Nothing is lost: table `set_aside` holds the rest.
"""

import polars as pl

from pipeline import config
from pipeline.tables import SET_ASIDE


def cut(moments: pl.DataFrame, settings: config.Moments) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Tables `moments` and `set_aside`, of all moments of a session.

    Parameters
    ----------
    moments
        Table `moments`, whole.
    settings
        `min_score` holds for all; `max_per_session` for withdrawal and confrontation together, for
        a therapist's moves stand apart. Of equal scores the earlier comes first.
    """
    least, most = settings.min_score, settings.max_per_session
    reasons = [
        f"its score, {score:.2f}, is under the least that is shown, {least:g} (moments.min_score)"
        if score < least
        else None
        for score in moments["score"]
    ]
    if most is not None:
        rows = zip(moments["score"], moments["start_ms"], moments["kind"], strict=True)
        ranked = sorted(
            (-score, start_ms, place)
            for place, (score, start_ms, kind) in enumerate(rows)
            if reasons[place] is None and kind != "therapist_move"
        )
        for _, _, place in ranked[most:]:
            reasons[place] = (
                f"{most} moments of this session rank before it, and no more are shown "
                "(moments.max_per_session)"
            )
    because = pl.Series("because", reasons, dtype=pl.String)
    told = moments.with_columns(because)
    shown = moments.filter(because.is_null())
    return shown, SET_ASIDE.conform(told.filter(because.is_not_null()))
