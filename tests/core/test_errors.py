"""A message is at most a page, and steers no terminal."""

from pipeline.core.errors import PAGE_CHARACTERS, PAGE_LINES, InputError, listed


def test_a_message_has_at_most_a_page() -> None:
    for found in ("x" * 10**6, "x\n" * 10**6, "\n".join(["x" * 500] * 1000)):
        message = str(InputError(found, expected="y" * 10**6, hint="z" * 10**6))
        assert len(message) <= PAGE_CHARACTERS
        assert len(message.split("\n")) <= PAGE_LINES
        assert message.startswith("x")
        assert "; expected: y" in message
        assert "; next: z" in message


def test_short_messages_stay_as_they_are() -> None:
    error = InputError("one\ntwo", expected="three", hint="four")
    assert str(error) == "one\ntwo; expected: three; next: four"
    assert (error.found, error.expected, error.hint) == ("one\ntwo", "three", "four")


def test_what_is_left_out_of_a_list_is_counted() -> None:
    assert listed(["a", "b"]) == "a\nb"
    assert listed(["a"] * 12, more=100).splitlines() == [*["a"] * 10, "and 102 more"]
    long = listed(["x" * 700] * 4).splitlines()
    assert [len(line) for line in long] == [700, 10]
    assert long[-1] == "and 3 more"
    assert listed([]) == ""


def test_control_characters_and_halves_of_characters_are_written_as_escapes() -> None:
    error = InputError("a\x1b[2J\u202eb\ud800\tc", hint="d\x07\u00e9")
    assert error.found == "a\\u001b[2J\\u202eb\\ud800\\u0009c"
    assert error.hint == "d\\u0007\u00e9"
