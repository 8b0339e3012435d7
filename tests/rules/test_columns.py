import polars as pl
import pytest
from hypothesis import given, settings
from strategies import Utterance, catalogue, conversations, script, tables_of

from pipeline.rules.language import columns

STRETCHES = [f"{side}_{who}_" for side in ("prev", "next") for who in ("therapist", "client")]


def frame(item: str, said: list[Utterance], *wanted: str) -> pl.DataFrame:
    return columns.frames({item: set(wanted)}, [tables_of(said)], catalogue())[item]


def test_a_silence_knows_what_was_said_before_and_after() -> None:
    said = script(
        ("C", 0, "I was at home all day."),
        ("T", 0.3, "How was it? What did you do?"),
        ("T", 4, "Take your time."),
        ("C", 0.5, "I slept."),
        ("C", 3, "And then I read."),
        ("T", 0.5, "Okay, what else?"),
    )
    found = frame(
        "silence",
        said,
        "prev_therapist_n_words",
        "prev_therapist_open_question",
        "prev_client_n_words",
        "next_therapist_n_words",
        "next_client_n_words",
        "next_client_gap_ms",
        "prev_therapist_gap_ms",
    ).filter(pl.col("length_ms") == 4000)
    assert found.height == 1
    row = found.row(0, named=True)
    assert row["prev_therapist_n_words"] == 7
    assert row["prev_therapist_open_question"] == 2
    assert row["prev_client_n_words"] == 6
    assert row["next_therapist_n_words"] == 3
    assert row["next_client_n_words"] == 6, "a stretch goes on over a silence of one's own"
    assert row["prev_therapist_gap_ms"] == 0
    assert row["next_client_gap_ms"] == 3 * 300 + 500


def test_backchannels_interrupt_nobody() -> None:
    said = [
        Utterance("client", 0, 3000, "I was walking along the road"),
        Utterance("therapist", 2000, 2400, "Mm-hm."),
        Utterance("client", 5000, 8000, "and then it began to rain"),
        Utterance("therapist", 8500, 9500, "And then what happened?"),
    ]
    found = frame("turn", said, "prev_client_n_words", "role").filter(
        pl.col("text") == "And then what happened?"
    )
    assert found["prev_client_n_words"].to_list() == [12]


def test_what_was_not_recognised_makes_a_stretch_null() -> None:
    said = [
        Utterance("client", 0, 3000, "I was walking"),
        Utterance("client", 6000, 8000, None),
        Utterance("therapist", 8500, 9500, "What happened?"),
    ]
    found = frame("turn", said, "prev_client_n_words", "prev_client_gap_ms")
    last = found.row(-1, named=True)
    assert last["prev_client_n_words"] is None
    assert last["prev_client_gap_ms"] == 500


def test_items_of_unknown_role_are_left_out() -> None:
    tables = tables_of(script(("T", 0, "Hello."), ("C", 4, "Hello.")), known_roles=False)
    for item in ("turn", "silence"):
        wanted = {"role", "before_role", "after_role"} & set(columns.OWN[item])
        found = columns.frames({item: wanted}, [tables], catalogue())[item]
        roles = [role for name in wanted for role in found[name]]
        assert "unknown" not in roles


def test_windows_have_a_row_for_each_speaker() -> None:
    said = script(("T", 0, "Hello."), ("C", 1, "Hello. " * 350), start_ms=5000)
    found = frame("window_60s", said, "role", "talk_share", "talk_share_z")
    assert found.schema["talk_share_n"] == pl.Int64
    assert set(found["role"]) == {"therapist", "client"}
    assert found["start_ms"].to_list() == [5000, 5000, 65_000, 65_000]


@pytest.mark.slow
def test_every_column_that_may_be_named_is_delivered() -> None:
    said = script(("T", 0, "How was it?"), ("C", 1, "Fine."), ("T", 4, "Fine?"), ("C", -0.2, "No."))
    for item in ("turn", "silence", "overlap", "window_60s"):
        known = columns.known(item, catalogue())
        found = frame(item, said, *known)
        assert set(known) <= set(found.columns), set(known) - set(found.columns)
        types = {name: found.schema[name] for name in known}
        assert types == {name: column.dtype for name, column in known.items()}


@settings(max_examples=25, deadline=None)
@given(conversations(min_size=2, max_size=25))
def test_stretches_agree_with_a_plain_search(said: list[Utterance]) -> None:
    tables = tables_of(said, features=())
    wanted = {prefix + "n_words" for prefix in STRETCHES}
    found = columns.frames({"turn": wanted}, [tables], catalogue())["turn"]
    floor = (
        tables["turns"]
        .filter(~pl.col("is_backchannel").fill_null(value=False))
        .sort("start_ms", "turn_id")
        .to_dicts()
    )
    for item in found.iter_rows(named=True):
        for prefix in STRETCHES:
            side, who, _ = prefix.split("_")
            if side == "prev":
                near = [t for t in reversed(floor) if t["start_ms"] < item["start_ms"]]
            else:
                near = [t for t in floor if t["start_ms"] > item["start_ms"]]
            first = next((n for n, t in enumerate(near) if t["role"] == who), None)
            if first is None:
                assert item[prefix + "n_words"] is None
                continue
            stretch = []
            for turn in near[first:]:
                if turn["role"] != who:
                    break
                stretch.append(turn["n_words"])
            total = None if None in stretch else sum(stretch)
            assert item[prefix + "n_words"] == total


def test_a_feature_that_was_not_measured_at_all_is_null() -> None:
    tables = tables_of(script(("T", 0, "Hello."), ("C", 0.3, "No."), ("T", 0.3, "I see.")))
    tables["measures"] = tables["measures"].filter(pl.col("feature") != "negation")
    wanted = {"negation", "negation_z", "prev_client_negation", "role"}
    items = columns.frames({"turn": wanted}, [tables], catalogue())["turn"]
    assert items.height
    for name in ("negation", "negation_z", "prev_client_negation"):
        assert items[name].null_count() == items.height
