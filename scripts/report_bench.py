"""Benchmark: size and first paint of the report of one hour, in the system's Chromium.

One session is usual: four moments, planted. The other is crowded: talk at random, which the rules
of this version flag some sixty times, far more than any real hour. Each is rendered, written to
disk and opened several times in a fresh browser context. Targets: 2 MB, first paint within 1 s.
"""

import random
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import browser
import polars as pl
import report_session
import rules_bench
import strategies
from playwright.sync_api import sync_playwright

from pipeline import report
from pipeline.core.tables import SPANS, Recording, Tables
from pipeline.workspace.provenance import Provenance

OPENED = 7
State = tuple[Recording, Tables, Provenance]


def measure() -> None:
    """Render, open and print."""
    with (
        tempfile.TemporaryDirectory(prefix="tether-bench-") as folder,
        sync_playwright() as playwright,
    ):
        chromium = browser.launch(playwright)
        for name, state in (("usual", report_session.session(60)), ("crowded", crowded())):
            began = time.perf_counter()
            html = report.render(*state)
            render_ms = 1000 * (time.perf_counter() - began)
            file = Path(folder) / f"{name}.html"
            file.write_text(html, encoding="utf-8")
            paints = []
            for _ in range(OPENED):
                page = chromium.new_context(viewport={"width": 1280, "height": 900}).new_page()
                page.goto(file.as_uri())
                paints.append(browser.first_paint_ms(page))
                page.context.close()
            print(
                f"{name}: {state[1]['moments'].height} moments, {len(html.encode()) / 1e6:.2f} MB, "
                f"rendered in {render_ms:.0f} ms, first paint median {median(paints):.0f} ms, "
                f"longest {max(paints):.0f} ms of {OPENED}"
            )
        chromium.close()


def crowded() -> State:
    """An hour of talk at random, with what the rules make of it."""
    made, tables, provenance = report_session.session(60)
    said = rules_bench.at_random(random.Random(1))  # noqa: S311  # no secret
    flagged = strategies.tables_of(said)
    found = strategies.book().flag(flagged, strategies.english(), strategies.settings())
    turns = flagged["turns"]
    duration_ms = int(turns.select(pl.col("end_ms").max()).item()) + 3_000
    spans = turns.select(
        "start_ms",
        "end_ms",
        "speaker",
        channel=pl.col("role").eq("client").cast(pl.Int64),
        confidence=pl.lit(None),
        exclusive=pl.lit(value=True),
        regular=pl.lit(value=True),
    )
    frames = report_session.frames(duration_ms, turns.to_dicts(), 3)
    own = {"frames": frames, "spans": SPANS.conform(spans), "quality": tables["quality"]}
    recording = replace(made, duration_ms=duration_ms)
    return recording, {**tables, **flagged, **found, **own}, provenance
