"""Every page of the desk: accessible in every look, of one width, and inert against markup."""

from pathlib import Path

import pytest
from browser import WIDE, NewPage, Scheme, Watch, axe
from desk_fixtures import MARKUP, UNCLOSED
from desk_server import Served, served
from playwright.sync_api import Page, expect

from pipeline.report import sheet

NARROW = 390
LOOKS = [("light", WIDE), ("dark", WIDE), ("light", NARROW), ("dark", NARROW)]


def moments(page: Page) -> list[str]:
    return [
        str(each.get_attribute("href")) for each in page.locator(".moments a").element_handles()
    ]


def sessions(desk: Served, page: Page) -> dict[str, str]:
    """Path of each session's page, by its client and number in the caseload."""
    page.goto(f"{desk.base}/caseload")
    found = {}
    for row in page.locator("tbody tr").element_handles():
        link = row.query_selector("a")
        assert link
        section = row.evaluate("row => row.closest('section').querySelector('h2').textContent")
        found[f"{section} {link.text_content()}"] = str(link.get_attribute("href"))
    return found


def looked_at(page: Page) -> None:
    """Nothing for axe, and nothing sticks out."""
    axe(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "it sticks out"


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_pages_are_accessible(
    desk: Served, new_page: NewPage, watch: Watch, scheme: Scheme, width: int
) -> None:
    watch.allow("404")  # the page of no session
    page = desk.enter(new_page(scheme=scheme, width=width))
    looked_at(page)
    with_sound = next(path for path in moments(page) if path)
    found = sessions(desk, page)
    looked_at(page)
    for path in ("/?status=decided", "/?client=nobody", "/recordings", "/sessions/none"):
        page.goto(desk.base + path)
        looked_at(page)

    page.goto(desk.base + with_sound)
    page.keyboard.press("1")
    expect(page.locator(".saved-text")).to_have_text("Saved")
    page.locator("details").evaluate_all("all => all.forEach(each => { each.open = true; })")
    looked_at(page)
    page.keyboard.press("?")
    axe(page, "#help")
    page.keyboard.press("Escape")
    page.keyboard.press("]")
    page.locator("#missed [name=marker]").select_option("C1")
    axe(page, "#missed")
    page.locator("#missed .save").click()
    expect(page.locator("#missed")).to_be_hidden()
    for path in found.values():  # with sound and without, roles unknown, beside the candidates
        page.goto(desk.base + path)
        looked_at(page)
        # The page of a sheet is sandboxed, so no script can look at it: tests/report/test_sheet.py.
        for form, begins in (("html", b"<!doctype html>"), ("md", b"# "), ("docx", b"PK")):
            answer = page.request.get(f"{desk.base}{path.partition('?')[0]}/sheet.{form}")
            assert answer.body().startswith(begins)
            assert answer.headers["content-type"].startswith(sheet.MEDIA_TYPES[form])
    page.goto(f"{desk.base}/caseload")
    looked_at(page)


def test_a_refused_link_is_told_accessibly(desk: Served, page: Page, watch: Watch) -> None:
    watch.allow("401")
    page.goto(f"{desk.base}/enter?token=old")
    expect(page.locator("h1")).to_have_text("This link has expired")
    looked_at(page)


def test_an_empty_desk_is_accessible(tmp_path: Path, page: Page) -> None:
    (tmp_path / "workspace").mkdir()
    with served(tmp_path / "workspace") as desk:
        for path in ("/", "/caseload", "/recordings"):
            desk.enter(page, path=path)
            looked_at(page)
        expect(page.locator("main")).to_contain_text("tether review --recordings FOLDER")


def test_markup_is_text_everywhere(desk: Served, new_page: NewPage) -> None:
    page = desk.enter(new_page())
    found = sessions(desk, page)
    (path,) = (path for name, path in found.items() if "script" in name)
    page.goto(desk.base + path)
    assert UNCLOSED in " ".join(page.locator(".transcript p").all_text_contents())
    assert "<i>T</i>" in (page.locator(".subtitle-line").text_content() or "")
    page.locator("#mark-missed").click()
    page.locator("#missed [name=note]").fill(MARKUP)
    page.locator("#missed [name=marker]").select_option("W7")
    page.locator("#missed [name=start]").fill("0:55")
    page.locator("#missed [name=end]").fill("0:58")
    page.locator("#missed .save").click()
    expect(page.locator("#loose q")).to_have_text(MARKUP)

    page.goto(f"{desk.base}{page.locator('#candidates a').first.get_attribute('href')}")
    page.locator("#verdict textarea").fill(MARKUP)
    page.locator("#verdict textarea").blur()
    page.keyboard.press("1")
    page.keyboard.press("2")
    expect(page.locator("#history q")).to_have_text(MARKUP)
    other = desk.enter(new_page(), "BL", page.url.removeprefix(desk.base))
    other.keyboard.press("3")
    expect(other.locator("#others q")).to_have_text(MARKUP)

    for where in ("/", "/?status=all", "/caseload", path):
        page.goto(desk.base + where)
        expect(page.locator("main")).to_contain_text(MARKUP)
        assert "in" not in page.title().split(), "a script ran"
        scripts = page.locator("script").evaluate_all("all => all.map(each => each.src)")
        assert all(each.startswith(f"{desk.base}/static/") for each in scripts)
        assert page.locator("main img").count() == 0
