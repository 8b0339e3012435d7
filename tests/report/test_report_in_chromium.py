"""The report as a supervisor meets it: a file on disk, in a real browser, without a network."""

from pathlib import Path

import polars as pl
import pytest
import report_session as made
from browser import NARROW, WIDE, NewPage, Scheme, Watch, axe, focused, wait_until
from playwright.sync_api import Page

from pipeline import report
from pipeline.core.tables import Recording, Tables
from pipeline.workspace.provenance import Provenance

# Width in CSS pixels of A4 less the margins that the style sheet sets.
A4 = 688

# What shows where the keyboard is: an outline on the element, on its label, or on its mark.
FOCUS_IS_SEEN = """() => {
    const at = document.activeElement;
    const near = [at, at.nextElementSibling, at.querySelector('.target')].filter(Boolean);
    return near.some(each => {
        const style = getComputedStyle(each);
        const outlined = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
        const stroked = each.matches('.target') && style.stroke !== 'none';
        return outlined || stroked;
    });
}"""

# Words inside closed details that take room on the page.
UNFOLDED = """() => [...document.querySelectorAll('details:not([open])')].flatMap(
    details => [...details.children].filter(
        child => child.tagName !== 'SUMMARY' && child.checkVisibility()
    ).map(child => child.outerHTML.slice(0, 80))
)"""


LINKS = ".contents a, .index tr:nth-last-child(-n+2) a"

# Follows links inside the report from its top: how far below the top of the window its target
# lies then, and whether the page can be scrolled no further.
FOLLOWED = """async () => {
    const drawn = () => new Promise(done => requestAnimationFrame(() => setTimeout(done, 20)));
    const still = async () => {
        for (let same = 0, before = -1; same < 4; same = scrollY === before ? same + 1 : 0) {
            before = scrollY;
            await drawn();
        }
    };
    const found = [];
    for (const link of document.querySelectorAll(LINKS)) {
        scrollTo({top: 0, behavior: 'instant'});
        await still();
        link.dispatchEvent(new MouseEvent('click', {bubbles: true, cancelable: true}));
        await still();
        const target = document.querySelector(link.getAttribute('href'));
        const end = document.documentElement.scrollHeight;
        found.push({
            href: link.getAttribute('href'),
            top: target.getBoundingClientRect().top,
            last: scrollY + innerHeight >= end - 1,
        });
    }
    return found;
}"""

# Tables and pictures wider than the place that they have.
CUT = """() => [...document.querySelectorAll('.scroll')].filter(
    each => each.scrollWidth > each.clientWidth
).map(each => each.ariaLabel)"""


def write(folder: Path, state: made.State = made.session) -> Path:
    file = folder / "report.html"
    file.write_text(report.render(*state()), encoding="utf-8")
    return file


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_nothing_to_object_to(
    new_page: NewPage, watch: Watch, tmp_path: Path, scheme: Scheme, width: int
) -> None:
    file = write(tmp_path)
    page = new_page(scheme, width, offline=True)
    page.goto(file.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    axe(page)
    assert watch.requests == [file.as_uri()]


@pytest.mark.parametrize(
    "state",
    [made.without_moments, made.unknown_roles, made.without_words, made.without_speech],
)
def test_other_states_are_as_good(new_page: NewPage, tmp_path: Path, state: made.State) -> None:
    page = new_page("dark", NARROW)
    page.goto(write(tmp_path, state).as_uri())
    axe(page)


@pytest.mark.parametrize("width", [WIDE, NARROW, 320])
def test_the_page_never_scrolls_sideways(new_page: NewPage, tmp_path: Path, width: int) -> None:
    page = new_page(width=width)
    page.goto(write(tmp_path).as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_every_moment_is_reached_by_keyboard(page: Page, tmp_path: Path) -> None:
    page.goto(write(tmp_path).as_uri())
    moments = page.locator("#moments .card").count()
    reached, seen = [], []
    for _ in range(200):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            break
        seen.append(page.evaluate(FOCUS_IS_SEEN))
        if page.evaluate("document.activeElement.matches('.whole a')"):
            reached.append(focused(page))
    assert [name.partition(",")[0] for name in reached] == [
        f"Moment {n}" for n in range(1, moments + 1)
    ]
    assert seen
    assert all(seen)


def test_a_mark_on_the_timeline_leads_to_its_card(page: Page, tmp_path: Path) -> None:
    page.goto(write(tmp_path).as_uri())
    page.locator(".whole a").nth(2).focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.querySelector(':target').id") == "moment-3"
    wait_until(
        page, "document.getElementById('moment-3').getBoundingClientRect().top < innerHeight / 2"
    )
    page.keyboard.press("Tab")
    assert page.evaluate("document.getElementById('moment-3').contains(document.activeElement)")


def test_the_timeline_zooms_and_scrolls_by_keyboard(page: Page, tmp_path: Path) -> None:
    page.goto(write(tmp_path).as_uri())
    canvas, scroll = page.locator(".whole .canvas"), page.locator(".whole .scroll")
    whole = canvas.evaluate("each => each.getBoundingClientRect().width")
    page.locator("#zoom-1").focus()
    for factor in (2, 4, 8, 16):
        page.keyboard.press("ArrowRight")
        width = canvas.evaluate("each => each.getBoundingClientRect().width")
        assert width == pytest.approx(factor * whole, rel=0.01)
    page.keyboard.press("Tab")
    assert focused(page).startswith("Timeline of the session")
    page.keyboard.press("ArrowRight")
    wait_until(page, "document.querySelector('.whole .scroll').scrollLeft > 0")
    # A mark that has the keyboard is brought into sight.
    page.locator(".whole a").last.focus()
    place = page.locator(".whole a .target").last.bounding_box()
    frame = scroll.bounding_box()
    assert place
    assert frame
    assert frame["x"] <= place["x"] < frame["x"] + frame["width"]


def test_every_link_inside_the_report_shows_its_target(new_page: NewPage, tmp_path: Path) -> None:
    page = new_page(width=NARROW)
    page.goto(write(tmp_path, crowd).as_uri())
    places = page.evaluate(FOLLOWED.replace("LINKS", f'"{LINKS}"'))
    assert len(places) > 6
    assert [each for each in places if not (each["last"] or 0 <= each["top"] <= 80)] == []


def test_print_shows_the_whole_timeline_and_keeps_folded_parts_folded(
    new_page: NewPage, tmp_path: Path
) -> None:
    page = new_page(width=A4)
    page.goto(write(tmp_path).as_uri())
    page.locator("label[for=zoom-8]").click()
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.scrollWidth") <= A4
    canvas = page.locator(".whole .canvas")
    box, frame = canvas.bounding_box(), canvas.locator("xpath=..").bounding_box()
    assert box
    assert frame
    assert box["width"] <= frame["width"]
    assert page.evaluate(CUT) == []
    assert page.evaluate(UNFOLDED) == []
    for hidden in (".zoom", ".how", ".excerpt"):
        assert not page.locator(hidden).first.is_visible()
    for shown in (".observed", ".said .lines", ".why .clauses", ".next .state", ".index"):
        assert page.locator(shown).first.is_visible()


@pytest.mark.parametrize("paper", ["A4", "Letter"])
def test_an_hour_prints_on_a_few_pages(page: Page, tmp_path: Path, paper: str) -> None:
    for state, most in ((made.session, 4), (crowd, 8)):
        page.goto(write(tmp_path, state).as_uri())
        assert page.pdf(format=paper).count(b"/Type /Page\n") <= most


def crowd() -> tuple[Recording, Tables, Provenance]:
    """An hour in which fifteen moments were flagged: each of the made ones several times."""
    recording, tables, provenance = made.session(60)
    moments = tables["moments"].filter(pl.col("kind") != "therapist_move")
    copies = pl.concat([moments] * -(-15 // moments.height)).head(15)
    copies = copies.with_columns(moment_id=pl.int_range(15, dtype=pl.Int64) + 100)
    moves = tables["moments"].filter(pl.col("kind") == "therapist_move")
    return recording, {**tables, "moments": pl.concat([copies, moves])}, provenance


def test_a_report_without_clips_can_play_nothing(page: Page, watch: Watch, tmp_path: Path) -> None:
    file = write(tmp_path)
    text = file.read_text(encoding="utf-8")
    assert "media-src" not in text
    assert "data:" not in text
    smuggled = '<audio src="data:audio/webm;base64,AAAA"></audio></main>'
    file.write_text(text.replace("</main>", smuggled), encoding="utf-8")
    watch.allow("Content Security Policy")
    page.goto(file.as_uri())
    wait_until(page, "document.querySelector('audio').error !== null")
