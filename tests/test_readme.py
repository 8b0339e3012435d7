"""What README and the pages of docs/ promise exists, and can be typed."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import click
import pytest
from commands import commands_of

from pipeline.cli.main import cli
from pipeline.core.errors import TetherError

REPOSITORY = Path(__file__).resolve().parent.parent
PAGES = (REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md")))
OTHERS = tuple(
    REPOSITORY / name
    for name in ("ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "samples/README.md")
)

README_LINES = 200
PICTURE_BYTES = 200_000

FENCE = re.compile(r"^( *)```([^\n]*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
SHELLS = {"sh", "bash", "shell", "console"}
SHELL_OPERATOR = re.compile(r"[<>|;&]|\d>")


def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return FENCE.sub("", text(page))


def called(page: Path) -> str:
    return str(page.relative_to(REPOSITORY))


def every(pages: tuple[Path, ...]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("page", pages, ids=called)


def commands(group: click.Group, prefix: str) -> list[str]:
    found = []
    for name, command in commands_of(group).items():
        if isinstance(command, click.Group):
            found += commands(command, f"{prefix} {name}")
        else:
            found.append(f"{prefix} {name}")
    return found


def test_every_command_is_documented_and_explains_itself() -> None:
    named = commands(cli, "tether")
    assert "tether run" in named
    documented = " ".join(" ".join(map(text, PAGES)).split())
    assert [name for name in named if name not in documented] == []
    for command in (cli, *commands_of(cli).values()):
        assert command.help
        assert "\\b" not in command.help, "an escape that click does not see"


def unexplained(group: click.Group, prefix: str) -> list[str]:
    """Commands and options, at any depth, that do not say what they do."""
    found = []
    for name, command in commands_of(group).items():
        here = f"{prefix} {name}"
        if not command.help:
            found.append(here)
        found += [
            f"{here} {option.opts[0]}"
            for option in command.params
            if isinstance(option, click.Option) and not option.help
        ]
        if isinstance(command, click.Group):
            found += unexplained(command, here)
    return found


def test_every_command_and_option_at_any_depth_explains_itself() -> None:
    assert unexplained(cli, "tether") == []


def typed(page: Path) -> Iterator[str]:
    """Command lines of its blocks of shell: those that begin with `tether`."""
    for _, language, block in FENCE.findall(text(page)):
        if language.strip() in SHELLS:
            for line in block.replace("\\\n", " ").splitlines():
                command = line.strip().removeprefix("$ ").removeprefix(".venv/bin/")
                if command.startswith("tether "):
                    yield command


def mentioned(page: Path) -> Iterator[str]:
    """Command lines within a sentence; arguments may be left out there."""
    for found in re.findall(r"`(?:\.venv/bin/)?(tether [^`]+)`", prose(page)):
        yield " ".join(found.split())


def objection(line: str, *, whole: bool) -> str | None:
    """What the command line would say to this; None: it would run.

    Parameters
    ----------
    whole
        Whether arguments that are required must be there.
    """
    words = shlex.split(line, comments=True)
    end = next((k for k, word in enumerate(words) if SHELL_OPERATOR.match(word)), len(words))
    words = words[1:end]
    command: click.Command = cli
    while isinstance(command, click.Group):
        if not words or words[0] in {"-h", "--help", "--version"}:
            return None
        name = words.pop(0)
        known = commands_of(command)
        if name not in known:
            return f"no command {name}"
        command = known[name]
    if {"-h", "--help"} & set(words):
        return None
    try:
        command.make_context(line, words)
    except click.MissingParameter as caught:
        return caught.format_message() if whole else None
    except click.UsageError as caught:
        told = caught.format_message()
        return None if told.endswith("does not exist.") else told  # the reader's own files
    return None


def test_a_line_that_cannot_be_typed_is_objected_to() -> None:
    assert objection("tether run a.wav --json > night.jsonl", whole=True) is None
    assert objection("tether export 3fa94c --format csv  # a comment", whole=True) is None
    assert objection("tether report", whole=False) is None
    assert objection("tether report", whole=True)
    assert objection("tether walk a.wav", whole=True)
    assert objection("tether rules chekc", whole=False)
    assert objection("tether run a.wav --jsn", whole=False)
    assert objection("tether gc now", whole=False)
    assert objection("tether export 3fa94c --format cvs", whole=False)


@every(PAGES)
def test_every_command_line_can_be_typed(page: Path) -> None:
    wrong = {
        line: why
        for lines, whole in ((typed(page), True), (mentioned(page), False))
        for line in lines
        if (why := objection(line, whole=whole))
    }
    assert wrong == {}


def test_command_lines_are_found() -> None:
    (readme, *_) = PAGES
    assert len(list(typed(readme))) >= 8
    assert len(list(mentioned(readme))) >= 4


def test_readme_is_short() -> None:
    assert len(text(PAGES[0]).splitlines()) <= README_LINES


def test_readme_says_first_what_tether_misses() -> None:
    before = text(PAGES[0]).partition("```")[0]
    assert "misses most mildly worded ruptures" in before


@every((*PAGES, *OTHERS))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", prose(page)))
    paths = [target.partition("#")[0] for target in targets if "://" not in target]
    assert [path for path in paths if path and not (page.parent / path).exists()] == []


@every(PAGES)
def test_every_file_of_the_repository_that_is_named_exists(page: Path) -> None:
    named = re.findall(r"`((?:scripts|configs|docs|tests|samples|pipeline)/[\w./-]+)", text(page))
    assert [path for path in named if not (REPOSITORY / path).exists()] == []


def test_pictures_are_small_and_used() -> None:
    shown = "".join(map(text, PAGES))
    for picture in (REPOSITORY / "docs" / "images").rglob("*.png"):
        assert picture.stat().st_size < PICTURE_BYTES, picture.name
        assert f"images/{picture.name})" in shown


def test_every_exit_code_is_documented(repository: Path) -> None:
    clinic = text(repository / "docs" / "clinic.md")
    kinds: list[type[TetherError]] = [TetherError, *TetherError.__subclasses__()]
    codes = {kind.exit_code for kind in kinds}
    for code in {*codes, 0, 6, 130}:
        assert re.search(rf"^\| {code} \|", clinic, re.MULTILINE), code


@pytest.mark.slow
def test_the_python_example_runs(repository: Path, tmp_path: Path) -> None:
    readme = text(repository / "README.md")
    (example,) = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    (tmp_path / "samples").symlink_to(repository / "samples")
    done = subprocess.run(
        [sys.executable, "-c", example], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "withdrawal" in done.stdout


@pytest.mark.skipif(find_spec("mkdocs") is None, reason="mkdocs is not installed")
def test_the_site_is_built_strictly_and_asks_no_other_machine(
    repository: Path, tmp_path: Path
) -> None:
    # Not --quiet: mkdocs counts no warnings then, and strict means nothing.
    command = [sys.executable, "-m", "mkdocs", "build", "--strict"]
    done = subprocess.run(
        [*command, "--site-dir", str(tmp_path)],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    pages = list(tmp_path.rglob("*.html"))
    assert len(pages) >= len(PAGES) - 1
    for page in pages:
        loaded = re.findall(r"<(?:script|link|img|iframe|source)\b[^>]*>", text(page))
        assert [tag for tag in loaded if "//" in tag] == [], page.name
    for sheet in tmp_path.rglob("*.css"):
        assert not re.search(r"url\([\"']?(?:https?:)?//|@import", text(sheet)), sheet.name
