import pytest

from pipeline.core.languages import NOT_UNDERSTOOD, code_of, name, stated


@pytest.mark.parametrize(
    ("said", "code"),
    [
        *((text, "de") for text in ("de", "DE", "de-DE", "de_AT.UTF-8", "deu", "ger", "German")),
        *((text, "en") for text in ("eng", "en_US", "english", "English (United Kingdom)")),
        *((text, "zh") for text in ("zh-Hans", "zho", "chi", "cmn", "zh_Hant_TW", "Mandarin")),
        *((text, "yue") for text in ("yue", "Cantonese", "zh-yue", "yue-HK")),
        *((text, "no") for text in ("nb-NO", "nob", "Norwegian")),
        ("pt-BR", "pt"),
        ("he", "he"),
        ("iw", "he"),
        ("Scottish Gaelic", "gd"),
        ("tlh", "tlh"),
    ],
)
def test_spellings_of_a_language(said: str, code: str) -> None:
    assert code_of(said) == stated(said) == code


@pytest.mark.parametrize("said", ["", " ", "auto", "unknown", None, 7, ["en"]])
def test_a_file_that_says_nothing(said: object) -> None:
    assert stated(said) is None


@pytest.mark.parametrize("said", ["Klingonish", "en de", "12", "deutschland", "e"])
def test_what_is_not_understood_is_no_default(said: str) -> None:
    assert code_of(said) is None
    assert stated(said) == NOT_UNDERSTOOD


def test_names() -> None:
    assert (name("yue"), name("nl"), name("xx")) == ("Cantonese", "Dutch", "xx")
