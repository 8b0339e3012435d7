"""A report with clips: a browser plays them, and the page warns that it holds voices."""

from pathlib import Path

import numpy as np
import pytest
import report_session as made
from browser import NewPage, axe, wait_until

from pipeline import config, report
from pipeline.audio import clips
from pipeline.audio.samples import Audio

TONE = Audio([(np.sin(np.arange(40 * 16_000) / 5) / 4).astype(np.float32)] * 2)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_plays_what_a_report_holds(
    new_page: NewPage, tmp_path: Path, scheme: str
) -> None:
    recording, tables, provenance = made.session()
    heard = {
        number: clips.clip(TONE, 12_000, 15_000, config.load().clips)
        for number in tables["moments"].filter(tables["moments"]["kind"] != "therapist_move")[
            "moment_id"
        ]
    }
    html = report.render(recording, tables, provenance, heard)
    file = tmp_path / "report-with-clips.html"
    file.write_text(html, encoding="utf-8")
    page = new_page("dark" if scheme == "dark" else "light", offline=True)
    page.goto(file.as_uri())
    warning = page.locator(".voices")
    assert warning.is_visible()
    assert "This file contains the voices of therapist T-03 and client C-014." in (
        warning.inner_text()
    )
    assert page.title().endswith("with voices · Tether")
    assert page.locator("audio").count() == len(heard) == 4
    player = page.locator("audio").first
    player.evaluate("each => each.play()")
    wait_until(page, "document.querySelector('audio').currentTime > 0.3")
    assert player.evaluate("each => each.error") is None
    assert player.evaluate("each => each.duration") == pytest.approx(11, abs=0.1)
    axe(page)
