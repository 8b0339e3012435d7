"""Moments that the settings leave out stay visible in the report."""

import report_session as made

from pipeline import config
from pipeline.core.tables import MOMENTS, SET_ASIDE
from pipeline.report import cards, render
from pipeline.rules.detection import moment_limits


def test_moments_past_the_greatest_number_are_told_with_their_reason() -> None:
    recording, tables, provenance = made.session()
    most = config.load().moments.model_copy(update={"max_per_session": 1})
    rows, cut_rows = moment_limits.cut(tables["moments"].to_dicts(), most)
    shown, aside = MOMENTS.frame(rows), SET_ASIDE.frame(cut_rows)
    assert aside.height
    tables = {**tables, "moments": shown, "set_aside": aside}
    told = cards.cut(tables)
    assert len(told) == aside.height
    assert all("moments.max_per_session" in each.suppressed_by for each in told)
    before = cards.alone({**tables, "moments": made.session()[1]["moments"], "set_aside": aside})
    assert cards.alone(tables) == before
    html = render(recording, tables, provenance)
    assert "Below this profile\u2019s threshold" in html
    assert told[0].time in html
