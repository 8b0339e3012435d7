import pytest
from strategies import book, everything

from pipeline.rules.language import column_descriptions, columns


def test_every_column_of_every_rule_has_a_meaning() -> None:
    for compiled in book().rules:
        for name in compiled.columns:
            told = column_descriptions.meaning(compiled.rule.on, name, everything())
            assert told.strip()
            assert not told.endswith(": "), (compiled.rule.id, name)


@pytest.mark.parametrize("item", ["turn", "silence", "overlap", "window_180s"])
def test_every_column_that_a_rule_may_name_has_one(item: str) -> None:
    for name in columns.known(item, everything()):
        told = column_descriptions.meaning(item, name, everything())
        assert told, name
        assert not told.endswith(": "), name
