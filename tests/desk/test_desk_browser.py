"""A supervisor's way through the desk, in a real Chromium."""

import re
from pathlib import Path

import pytest
from browser import GONE, NewPage, Watch
from desk_server import Command, Served, served, until
from desk_sessions import Folder
from playwright.sync_api import Locator, Page, expect

SPOKEN = ".moments a:has-text('session 7')"
HEARD_S = "document.querySelector('audio').currentTime"
BLIND = "You will see what other reviewers decided once you have decided."
BEGIN_S = "Number(document.querySelector('.player').dataset.beginMs) / 1000"


def decided(page: Page) -> str | None:
    pressed = page.locator(".decision[aria-pressed=true]")
    return pressed.get_attribute("data-decision") if pressed.count() else None


def key(page: Page, name: str) -> None:
    """Press a key that leads to another page, and wait until that one listens to keys."""
    with page.expect_navigation():
        page.keyboard.press(name)


def click(place: Locator) -> None:
    """Click what leads to another page, or loads this one again."""
    with place.page.expect_navigation():
        place.click()


def saved(page: Page, decision: str) -> None:
    """Wait until a verdict stands and nothing is under way."""
    expect(page.locator(f"#verdict[data-decision='{decision}']")).to_be_attached()
    expect(page.locator(".saved-text")).to_have_text("Saved" if decision else "Not decided")


def test_the_queue_is_gone_through_by_keyboard(desk: Served, page: Page) -> None:
    desk.enter(page)
    rows = page.locator(".moments li")
    scores = [float(found.split()[-1]) for found in page.locator(".score").all_text_contents()]
    assert scores == sorted(scores, reverse=True)
    total = rows.count()
    expect(page.locator(".tabs [aria-current]")).to_have_text(f"Undecided {total}")
    page.keyboard.press("j")
    expect(rows.nth(0).locator("a")).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("k")
    key(page, "Enter")
    expect(page.locator("#left")).to_have_text(f"{total} undecided")

    page.keyboard.press("1")
    saved(page, "confirm")
    expect(page.locator("#left")).to_have_text(f"{total - 1} undecided")
    page.keyboard.press("n")
    page.keyboard.type("She asks three times. 1 2 3 are no verdicts here.")
    page.keyboard.press("Escape")
    page.locator("#verdict .salience label", has_text="4").click()
    page.locator("#verdict select").select_option("W5")
    expect(page.locator("#history li")).to_have_count(3)
    saved(page, "confirm")

    key(page, "j")
    expect(page.locator(".saved-text")).to_have_text("Not decided")
    page.keyboard.press("2")
    saved(page, "reject")
    page.keyboard.press("3")
    saved(page, "unsure")
    page.keyboard.press("u")
    saved(page, "reject")
    key(page, "q")

    expect(page.locator(".moments li")).to_have_count(total - 2)
    click(page.locator(".tabs a").nth(1))
    expect(page.locator(".moments li")).to_have_count(2)
    expect(page.locator(".said").first).to_contain_text("confirmed as W5")
    click(page.locator(".moments a").first)
    expect(page.locator("textarea[name=note]").first).to_have_value(re.compile("three times"))
    expect(page.locator("#verdict select")).to_have_value("W5")
    expect(page.locator("#verdict .salience input[value='4']")).to_be_checked()


def test_a_first_verdict_is_undone_to_none(desk: Served, page: Page) -> None:
    desk.enter(page)
    click(page.locator(".moments a").first)
    detected = page.locator("#verdict select").input_value()
    page.keyboard.press("n")
    page.keyboard.type("a note")
    page.keyboard.press("Escape")
    expect(page.locator(".saved-text")).to_contain_text("to save your note")
    page.keyboard.press("2")
    saved(page, "reject")
    page.keyboard.press("u")
    saved(page, "")
    assert decided(page) is None
    assert page.locator("#verdict select").input_value() == detected
    assert page.locator("#verdict textarea").input_value() == ""
    expect(page.locator("#verdict .undo")).to_be_disabled()


def test_filters_narrow_and_are_cleared(desk: Served, page: Page) -> None:
    desk.enter(page)
    total = page.locator(".moments li").count()
    with page.expect_navigation():
        page.locator("[name=kind]").select_option("confrontation")
    assert page.url.endswith("/?kind=confrontation")
    narrow = page.locator(".moments li")
    assert 0 < narrow.count() < total
    assert set(narrow.locator(".sign b").all_text_contents()) == {"C1"}
    with page.expect_navigation():
        page.locator("[name=client]").select_option("C-01")
    page.locator("[name=until]").fill("2026-03-08")
    click(page.locator(".filters button"))
    expect(page.locator(".empty h2")).to_have_text("No suggested moment matches the filter")
    click(page.locator(".empty .button"))
    expect(page.locator(".moments li")).to_have_count(total)


def test_what_is_decided_leaves_an_honest_empty_queue(desk: Served, page: Page) -> None:
    desk.enter(page, path="/?client=C-01")
    left = page.locator(".moments li").count()
    click(page.locator(".moments a").first)
    for number in range(left):
        page.keyboard.press("3")
        saved(page, "unsure")
        if number < left - 1:
            expect(page.locator("#left")).to_have_text(f"{left - number - 1} undecided")
            key(page, "j")
            expect(page.locator(".saved-text")).to_have_text("Not decided")
    page.keyboard.press("j")
    expect(page.locator("#status")).to_contain_text("This is the last moment")
    key(page, "q")
    expect(page.locator(".empty")).to_contain_text("Nothing left to decide here")
    expect(page.locator(".tabs")).to_contain_text(f"Decided {left}")


def test_sound_plays_and_everything_moves_with_it(desk: Served, page: Page) -> None:
    desk.enter(page, path="/?client=C-01&until=2026-03-05")
    click(page.locator(SPOKEN).first)
    begin_s = page.evaluate(BEGIN_S)
    start_ms = int(page.locator("#moment").get_attribute("data-start") or "")
    assert start_ms / 1000 - 10 <= begin_s < start_ms / 1000  # some seconds before it
    before = page.locator(".playhead").get_attribute("x")
    page.keyboard.press("Space")
    until(page, f"{HEARD_S} > {BEGIN_S} + 0.5")
    assert page.evaluate("document.querySelector('audio').error") is None
    assert page.locator(".playhead").get_attribute("x") != before
    expect(page.locator(".play")).to_have_attribute("aria-pressed", "true")

    page.locator(".transcript .within .to").first.click()
    expect(page.locator(".transcript .now.within").first).to_be_in_viewport()
    line_ms = int(page.locator(".transcript .within .to").first.get_attribute("data-ms") or "")
    until(page, f"{HEARD_S} > {line_ms / 1000} + 0.2")

    page.keyboard.press("m")
    expect(page.locator(".mute").first).to_have_attribute("aria-pressed", "true")
    until(page, "document.querySelector('audio').src.endsWith('mute=1')")
    heard = page.evaluate(HEARD_S)
    until(page, f"{HEARD_S} > {heard} + 0.2")
    page.keyboard.press("m")
    page.keyboard.press("m")
    expect(page.locator(".mute[aria-pressed=true]")).to_have_count(0)

    page.keyboard.press("l")
    end_ms = int(page.locator("#moment").get_attribute("data-end") or "")
    page.evaluate(f"document.querySelector('audio').currentTime = {end_ms / 1000 - 0.3}")
    until(page, f"{HEARD_S} < {start_ms / 1000}")
    page.keyboard.press(".")
    assert page.evaluate("document.querySelector('audio').playbackRate") == 1.25

    key(page, "j")  # who listens goes on listening, as fast
    page.keyboard.press("Space")
    expect(page.locator(".speed")).to_have_value("1.25")


def test_listening_goes_on_at_the_next_moment(desk: Served, page: Page) -> None:
    desk.enter(page, path="/?client=C-01&until=2026-03-05")
    click(page.locator(".moments a").first)
    page.keyboard.press("Space")
    until(page, f"{HEARD_S} > {BEGIN_S} + 0.2")
    first = page.url
    key(page, "j")
    expect(page.locator("#to-before")).to_be_visible()
    assert page.url != first
    until(page, f"{HEARD_S} > {BEGIN_S} + 0.2")


def test_a_click_in_the_timeline_goes_there(desk: Served, page: Page) -> None:
    desk.enter(page)
    click(page.locator(SPOKEN).first)
    key(page, "c")
    canvas = page.locator(".timeline .canvas")
    box = canvas.bounding_box()
    assert box
    page.mouse.click(box["x"] + 0.75 * box["width"], box["y"] + box["height"] - 30)
    duration_ms = int(page.locator(".player").get_attribute("data-duration-ms") or "")
    asked_s = 0.75 * duration_ms / 1000
    shown = page.locator(".clock .now").text_content() or ""
    minutes, seconds = map(int, shown.split(":"))
    assert abs(60 * minutes + seconds - asked_s) <= 1.5
    page.keyboard.press("Space")
    until(page, f"{HEARD_S} > {asked_s - 1} && !document.querySelector('audio').paused")
    page.keyboard.press("Space")
    page.locator("label[for=zoom-4]").click()  # another width, the same place
    zoomed = canvas.bounding_box()
    assert zoomed
    assert zoomed["width"] > 3 * box["width"]
    place = float((page.locator(".playhead").get_attribute("x") or "").rstrip("%"))
    assert abs(place - 75) < 5


def test_the_whole_session_is_one_key_away_and_back(desk: Served, page: Page) -> None:
    desk.enter(page)
    click(page.locator(SPOKEN).first)
    moment = page.url
    key(page, "c")
    expect(page.locator(".short .chosen")).to_have_count(1)
    key(page, "c")
    assert page.url.partition("?")[0] == moment.partition("?")[0]


def test_a_missed_moment_is_marked_changed_and_taken_back(desk: Served, page: Page) -> None:
    desk.enter(page)
    click(page.locator(SPOKEN).first)
    key(page, "c")
    canvas = page.locator(".timeline .canvas")
    box = canvas.bounding_box()
    assert box
    y = box["y"] + box["height"] - 30
    page.mouse.move(box["x"] + 0.75 * box["width"], y)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.85 * box["width"], y, steps=4)
    expect(page.locator(".drawn")).to_have_count(1)
    page.mouse.up()
    dialog = page.locator("#missed")
    expect(dialog).to_be_visible()
    start = dialog.locator("[name=start]").input_value()
    dialog.locator(".hear").click()
    until(page, "!document.querySelector('audio').paused")
    dialog.locator("[name=marker]").select_option("C2")
    dialog.locator(".salience label", has_text="3").click()
    dialog.locator("[name=note]").fill("He turns it down.")
    click(dialog.locator(".save"))

    added = page.locator("#loose li")
    expect(added).to_have_count(1)
    expect(added).to_contain_text(f"C2 {start}")
    expect(added).to_contain_text("He turns it down.")
    expect(page.locator(".overlay .beside.confrontation.added")).to_have_count(1)
    added.locator(".change").click()
    expect(dialog.locator("[name=note]")).to_have_value("He turns it down.")
    dialog.locator("[name=marker]").select_option("W4")
    click(dialog.locator(".save"))
    expect(added.locator(".sign")).to_have_text("W4")
    click(added.locator(".undo"))
    expect(added.locator(".sign")).to_have_text("C2")

    page.goto(f"{desk.base}/caseload")
    expect(page.locator("tr:has(a:text-is('7')) td").last).to_have_text("1")


def test_keys_mark_a_missed_moment_where_one_listens(
    desk: Served, page: Page, watch: Watch
) -> None:
    watch.allow("409.*/missed")  # what is refused
    desk.enter(page)
    click(page.locator(SPOKEN).first)
    page.keyboard.press("[")
    expect(page.locator("#status")).to_contain_text("Start marked at")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("]")
    dialog = page.locator("#missed")
    expect(dialog).to_be_visible()
    dialog.locator(".save").click()  # most of it is in a candidate of this kind
    expect(dialog.locator(".trouble")).to_contain_text("is already a suggested moment")
    dialog.locator("[name=marker]").select_option("C7")
    dialog.locator("[name=start]").fill("0:59")
    dialog.locator(".save").click()
    expect(dialog.locator(".trouble")).to_have_text("The end must be after the start.")
    dialog.locator("[name=start]").fill("0:08")
    dialog.locator(".save").click()
    expect(dialog).to_be_hidden()
    key(page, "c")
    expect(page.locator("#loose li")).to_contain_text("C7 00:08")


def test_unknown_roles_are_mended_with_one_click(desk: Served, page: Page) -> None:
    desk.enter(page, path="/caseload")
    click(page.locator("section:has(h2:text-is('C-02')) tbody a"))
    expect(page.locator("#unknown")).to_contain_text("No moments are flagged")
    assert page.locator("#candidates li").count() == 0
    click(page.locator(".offer", has_text="A is the therapist"))
    expect(page.locator("#candidates li")).to_have_count(2)
    expect(page.locator("#unknown")).to_have_count(0)
    expect(page.locator("#roles")).to_contain_text("set by a person")
    click(page.locator("#candidates a").first)
    page.keyboard.press("1")
    saved(page, "confirm")
    key(page, "c")

    click(page.locator("#swap"))  # the other way round none of it is a rupture of the client
    expect(page.locator("#loose")).to_contain_text("No longer flagged")
    click(page.locator("#swap"))
    expect(page.locator("#candidates .chip")).to_have_text("confirmed")
    expect(page.locator("#loose")).to_have_count(0)


def test_two_reviewers_at_once_lose_nothing(desk: Served, new_page: NewPage) -> None:
    first, second = new_page(), new_page()
    desk.enter(first, "AK")
    desk.enter(second, "BL")
    for page in (first, second):
        click(page.locator(".moments a").first)
        expect(page.locator("#others")).to_have_text(BLIND)
    first.keyboard.press("1")
    second.keyboard.press("2")
    saved(first, "confirm")
    saved(second, "reject")
    for page, own, name, said in (
        (first, "confirm", "BL", "rejected"),
        (second, "reject", "AK", "confirmed"),
    ):
        page.reload()
        assert decided(page) == own
        expect(page.locator("#others")).to_contain_text(name)
        expect(page.locator("#others .chip")).to_have_text(said)
    first.keyboard.press("u")
    saved(first, "")
    expect(first.locator("#others")).to_have_text(BLIND)
    second.reload()
    assert decided(second) == "reject"


def test_verdicts_outlive_the_desk_and_other_settings(
    workspace: Path, processed: Folder, new_page: NewPage, watch: Watch
) -> None:
    watch.allow(GONE)  # a page asks once more, and the desk was killed
    command = Command(workspace)
    try:
        page = command.desk.enter(new_page())
        click(page.locator(SPOKEN).nth(0))
        page.keyboard.press("1")
        saved(page, "confirm")
        key(page, "q")
        click(page.locator(SPOKEN).nth(0))
        page.keyboard.press("n")
        page.keyboard.type("kept")
        page.keyboard.press("Escape")
        page.keyboard.press("2")
        saved(page, "reject")
    finally:
        command.kill()  # the moment the page said so

    few = workspace.parent / "few.yaml"
    few.write_text("extends: default\nmoments: {min_score: 0.97}\n", encoding="utf-8")
    Folder(workspace.parent).process(processed.recordings / "spoken.flac", profile=str(few))
    with served(workspace) as desk:
        page = desk.enter(new_page(), path="/?status=decided")
        expect(page.locator(".moments li")).to_have_count(1)
        expect(page.locator(".said")).to_contain_text("confirmed")
        click(page.locator(".moments a"))
        assert decided(page) == "confirm"
        key(page, "c")
        gone = page.locator("#loose li")
        expect(page.locator("#loose")).to_contain_text("No longer flagged")
        expect(gone).to_contain_text("rejected")
        expect(gone).to_contain_text("kept")
        click(gone.locator(".undo"))
        expect(page.locator("#loose")).to_have_count(0)

    Folder(workspace.parent).process(processed.recordings / "spoken.flac")
    with served(workspace) as desk:
        page = desk.enter(new_page(), path="/?client=C-01&status=decided")
        expect(page.locator(".moments li")).to_have_count(1)


def test_a_recording_is_added_from_the_desk(
    tmp_path: Path, repository: Path, new_page: NewPage, page: Page, watch: Watch
) -> None:
    watch.allow(GONE + ".*/progress")  # a page may ask once more when the desk ends
    new = Folder(tmp_path)
    new.workspace.mkdir()
    new.spoken("new", repository / "samples", 45, client="C-09", session_number=1)
    new.spoken("left out", repository / "samples", 20, client="C-09", session_number=2)
    with served(new.workspace, new.recordings) as desk:
        desk.enter(page)
        expect(page.locator(".empty")).to_contain_text("No sessions yet")
        click(page.locator(".empty .button"))
        page.locator(".files label", has_text="left out").click()
        expect(page.locator("#count")).to_have_text("1")
        page.locator("#add button").click()
        row = page.locator(".progress li")
        expect(row).to_contain_text("new.flac")
        expect(row.locator("progress")).to_be_visible(timeout=60_000)
        expect(row).to_contain_text("in the queue", timeout=120_000)
        expect(page.locator("#progress .sum")).to_have_text("1 added")
        expect(row.locator("a")).to_have_text("1 suggested moment")
        expect(page.locator(".files li")).to_have_count(1)
        other = desk.enter(new_page(), "BL", "/recordings")  # who comes later sees it, too
        expect(other.locator(".progress li")).to_contain_text("in the queue")
        expect(other.locator(".files li")).to_have_count(1)
        click(row.locator("a"))
        expect(page.locator("#candidates li")).to_have_count(1)
        click(page.locator("nav a", has_text="Queue").first)
        expect(page.locator(".moments li")).to_have_count(1)


def test_a_desk_that_is_gone_is_told_and_nothing_seems_saved(
    workspace: Path, page: Page, watch: Watch
) -> None:
    watch.allow(GONE)
    with served(workspace) as desk:
        desk.enter(page)
        click(page.locator(".moments a").first)
    page.keyboard.press("1")
    expect(page.locator("#verdict .trouble")).to_contain_text("The desk is not responding")
    expect(page.locator(".saved-text")).to_have_text("Not saved")
    assert decided(page) is None


@pytest.mark.parametrize("height", [900, 768])
def test_verdict_player_and_transcript_are_on_one_screen(
    desk: Served, new_page: NewPage, height: int
) -> None:
    page = desk.enter(new_page(width=1360 if height == 900 else 1024, height=height))
    click(page.locator(SPOKEN).first)
    for part in (".decisions", "#verdict textarea", ".player", ".timeline", ".transcript"):
        box = page.locator(part).bounding_box()
        assert box, part
        assert box["y"] >= 0, part
        assert box["y"] + box["height"] <= height, part
    assert page.evaluate("scrollY") == 0
    expect(page.locator(".transcript .within").first).to_be_in_viewport()
