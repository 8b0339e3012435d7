"""The browser that tests use is one that can find fault."""

from pathlib import Path

import pytest
from browser import NewPage, Watch, axe, first_paint_ms, focused, shoot
from playwright.sync_api import Page

WORTHY = (
    "<!doctype html><html lang=en><head><meta charset=utf-8><title>Worthy</title></head>"
    "<body><main><h1>Worthy</h1><p><a href='#below'>below</a></p><p id=below>Here.</p>{}</main>"
    "</body></html>"
)


def written(folder: Path, body: str = "") -> str:
    path = folder / "page.html"
    path.write_text(WORTHY.format(body), encoding="utf-8")
    return path.as_uri()


def test_a_page_without_fault_passes(page: Page, watch: Watch, tmp_path: Path) -> None:
    page.goto(written(tmp_path))
    axe(page)
    assert first_paint_ms(page) > 0
    page.keyboard.press("Tab")
    assert focused(page) == "below"
    picture = shoot(page, tmp_path / "shots" / "page.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert watch.requests == [(tmp_path / "page.html").as_uri()]
    watch.check()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("<script>throw new Error('broken')</script>", "broken"),
        ("<script>console.error('wrong')</script>", "wrong"),
        ("<img alt='' src='missing.png'>", "ERR_FILE_NOT_FOUND"),
    ],
)
def test_what_a_page_complains_of_is_told(
    page: Page, watch: Watch, tmp_path: Path, body: str, said: str
) -> None:
    page.goto(written(tmp_path, body))
    with pytest.raises(AssertionError, match=said):
        watch.check()
    watch.allow(said)
    watch.check()


def test_a_request_that_leaves_the_machine_is_told(
    page: Page, watch: Watch, tmp_path: Path
) -> None:
    page.goto(written(tmp_path, "<img alt='' src='https://example.org/pixel.png'>"))
    watch.allow("ERR_NAME_NOT_RESOLVED")
    with pytest.raises(AssertionError, match=r"another machine:\s+https://example\.org/pixel\.png"):
        watch.check()
    watch.requests.clear()


def test_what_cannot_be_read_is_told(new_page: NewPage, tmp_path: Path) -> None:
    page = new_page(scheme="dark", width=390)
    page.goto(written(tmp_path, "<p style='color:#bbb;background:#fff'>faint</p>"))
    with pytest.raises(AssertionError, match="color-contrast"):
        axe(page)
    assert page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    assert page.evaluate("innerWidth") == 390


def test_pages_share_no_storage(new_page: NewPage, tmp_path: Path) -> None:
    one, other = new_page(), new_page()
    for page in (one, other):
        page.goto(written(tmp_path))
    one.evaluate("localStorage.setItem('who', 'one')")
    assert other.evaluate("localStorage.getItem('who')") is None
