"""Whatever a file holds, it is read or refused in plain words, at once; `fuzzing` says how."""

import fuzzing
import pytest

CASES = 3000
OPEN: frozenset[str] = frozenset({"stm", "vtt", "srt", "textgrid", "eaf"})
"""Parsers that are being mended beside this test; to be emptied when the branches meet."""
LONG, SHORT = 40_000, 8_000
"""Bytes of the smallest of files that grow; the largest has four times as many."""


def _skip_open(name: str) -> None:
    if name in OPEN:
        pytest.skip("this parser is being mended beside this test")


@pytest.mark.parametrize("name", fuzzing.PARSERS)
def test_the_fuzzer_begins_with_files_that_are_read(name: str) -> None:
    parser = fuzzing.PARSERS[name]
    for data in parser.valid:
        parser.read(data)


@pytest.mark.parametrize("name", fuzzing.PARSERS)
def test_a_spoiled_file_is_read_or_refused(name: str) -> None:
    _skip_open(name)
    parser = fuzzing.PARSERS[name]
    for number in range(CASES):
        wrong = fuzzing.fault(parser, fuzzing.case(parser, number))
        assert wrong is None, f"scripts/fuzz --only {name} --case {number}: {wrong}"


@pytest.mark.parametrize("name", fuzzing.PARSERS)
def test_time_grows_with_size_and_not_with_its_square(name: str) -> None:
    _skip_open(name)
    parser = fuzzing.PARSERS[name]
    wrong = {
        shape.name: slow
        for shape in fuzzing.shapes(parser)
        if (slow := fuzzing.slow_growth(parser, shape, LONG if shape.long else SHORT))
    }
    assert not wrong
