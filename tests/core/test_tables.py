"""The contracts: every table explains itself, and refuses what makes no sense."""

import polars as pl
import pytest

from pipeline.core import tables
from pipeline.core.errors import StoreError
from pipeline.core.schema import Schema
from pipeline.core.spelling import SHORT_ID
from pipeline.core.tables import SCHEMAS, SILENCES, SPANS, TURNS, Metadata, Recording

UNITS = ("_ms", "_hz", "_dbfs", "_db", "_s")


def test_every_schema_is_listed_under_its_name() -> None:
    listed = {value for value in vars(tables).values() if isinstance(value, Schema)}
    assert {schema.name for schema in listed} == set(SCHEMAS)
    assert all(name == schema.name for name, schema in SCHEMAS.items())


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=list(SCHEMAS))
def test_every_column_explains_itself(schema: Schema) -> None:
    assert len(set(schema.names)) == len(schema.names)
    for column in schema.columns:
        assert column.means
        if column.name.endswith("_ms"):
            assert column.dtype == pl.Int64
    assert schema.frame([]).equals(schema.empty())


def test_spans_are_half_open_and_begin_at_zero() -> None:
    spanned = [s for s in SCHEMAS.values() if {"start_ms", "end_ms"} <= set(s.names)]
    assert len(spanned) > 5
    for schema in spanned:
        texts = {text for text, _ in schema.checks}
        assert texts >= {"start_ms >= 0", "start_ms < end_ms"}, schema.name


def test_a_span_without_length_is_refused() -> None:
    row = {"start_ms": 5, "end_ms": 5, "speaker": "A", "exclusive": True, "regular": True}
    with pytest.raises(StoreError, match="start_ms < end_ms"):
        SPANS.frame([row])


def test_a_role_that_is_none_is_refused() -> None:
    row = {"turn_id": 0, "speaker": "A", "role": "doctor", "start_ms": 0, "end_ms": 1}
    with pytest.raises(StoreError, match="'role': 1 values are not allowed"):
        TURNS.frame([row])


def test_a_silence_is_as_long_as_it_is() -> None:
    row = {
        "silence_id": 0,
        "start_ms": 0,
        "end_ms": 10,
        "length_ms": 11,
        "kind": "edge",
        "missed_speech_risk": False,
        "dropout_ms": 0,
    }
    with pytest.raises(StoreError, match="'length'"):
        SILENCES.frame([row])


def test_a_recording_has_no_path_and_a_short_id() -> None:
    recording = Recording("0123456789abcdef" * 4, 1000, None, 0, Metadata())
    assert recording.short_id == "0123456789ab"
    assert len(recording.short_id) == SHORT_ID
    assert not any("path" in name for name in Recording.__dataclass_fields__)
    with pytest.raises(AttributeError):
        recording.channels = 2  # type: ignore[misc]
