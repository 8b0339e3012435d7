"""Whatever a file holds, it is read or refused in plain words, at once; `fuzzing` says how."""

from collections.abc import Callable

import fuzzing
import pytest

from pipeline.core.errors import InputError, StoreError

CASES = 3000
LONG, SHORT = 20_000, 5_000
"""Bytes of the smallest of files that grow; the largest has four times as many."""


@pytest.mark.parametrize("name", fuzzing.PARSERS)
def test_the_fuzzer_begins_with_files_that_are_read(name: str) -> None:
    parser = fuzzing.PARSERS[name]
    for data in parser.valid:
        parser.read(data)


@pytest.mark.slow
@pytest.mark.parametrize("name", fuzzing.PARSERS)
def test_a_spoiled_file_is_read_or_refused(name: str) -> None:
    parser = fuzzing.PARSERS[name]
    for number in range(CASES):
        wrong = fuzzing.fault(parser, fuzzing.case(parser, number))
        assert wrong is None, f"scripts/fuzz --only {name} --case {number}: {wrong}"


@pytest.mark.slow
@pytest.mark.parametrize("name", fuzzing.PARSERS)
def test_time_grows_with_size_and_not_with_its_square(name: str) -> None:
    parser = fuzzing.PARSERS[name]
    wrong = {
        shape.name: slow
        for shape in fuzzing.shapes(parser)
        if (slow := fuzzing.slow_growth(parser, shape, LONG if shape.long else SHORT))
    }
    assert not wrong


def _parser(read: Callable[[bytes], object]) -> fuzzing.Parser:
    return fuzzing.Parser("made up", read, (), (), ())


def _pairs(data: bytes) -> int:
    """Every byte held against all others, as a careless reader does."""
    return sum(data.count(bytes([byte])) for byte in data)


@pytest.mark.slow
def test_the_fuzzer_sees_what_grows_with_the_square() -> None:
    shape = fuzzing.Shape("x", lambda size: "x" * size, long=True)
    assert fuzzing.slow_growth(_parser(_pairs), shape, 16_000)
    assert fuzzing.slow_growth(_parser(lambda data: sum(data * 40)), shape, 40_000) is None


@pytest.mark.parametrize(
    ("error", "wrong"),
    [
        (ValueError("x"), "ValueError at test_fuzzing.py"),
        (StoreError("x"), "not an error of input"),
        (InputError("x"), None),
    ],
)
def test_the_fuzzer_sees_what_is_no_refusal(error: Exception, wrong: str | None) -> None:
    def read(_data: bytes) -> object:
        raise error

    found = fuzzing.fault(_parser(read), b"")
    assert found is None if wrong is None else str(found).startswith(wrong)
