from strategies import Session, book, english, script, tables_of

from pipeline.rules.explanation import trace as tracing
from pipeline.rules.explanation.trace import Trace

RULE = "silence-after-question"
TALK = ("C", 0.3, "I went to the market and bought some apples and some bread for the week.")
LONG = ("C", 0.4, "I was thinking about it the whole week and then on Sunday I called my brother.")
ASKS = ("T", 0.3, "What happened then?")


def traced(tables: Session, rule: str = RULE) -> Trace:
    silence = tables["silences"].sort("length_ms").row(-1, named=True)
    if silence["kind"] == "edge":
        silence = tables["silences"].filter(kind="lapse").sort("length_ms").row(-1, named=True)
    at_ms = (silence["start_ms"] + silence["end_ms"]) // 2
    found = tracing.trace(book(), tables, english(), at_ms=at_ms, reach_ms=1000)
    assert [each.rule for each in found] == [compiled.rule.id for compiled in book().rules]
    return next(each for each in found if each.rule == rule)


def test_a_hit_with_the_values_that_were_observed() -> None:
    trace = traced(tables_of(script(TALK, ASKS, ("T", 5.5, "Well."), ("C", 0.4, "Hm."))))
    item = trace.items[0]
    assert item.outcome == "hit"
    clauses = {clause.condition: clause for clause in item.clauses}
    assert clauses["length_ms >= 5000"].observed == {"length_ms": 5500}
    assert clauses["length_ms_pct >= 0.95"].state == "small_baseline"


def test_a_clause_that_fails() -> None:
    trace = traced(tables_of(script(TALK, ASKS, ("T", 4.5, "Well."), ("C", 0.4, "Hm."))))
    item = trace.items[0]
    assert item.outcome == "failed"
    assert [c.condition for c in item.clauses if c.state == "failed"] == ["length_ms >= 5000"]


def test_a_guard_that_took_the_hit_back() -> None:
    trace = traced(tables_of(script(TALK, ASKS, ("T", 5.5, "Take your time."), LONG, LONG)))
    item = trace.items[0]
    assert item.outcome == "suppressed"
    assert (item.guards[0].id, item.guards[0].state) == ("thinking", "held")
    assert "time to think" in item.guards[0].text


def test_too_few() -> None:
    said = script(TALK, ("T", 0.3, "It rained."), ("T", 4.5, "Well."), ("C", 0.4, "Hm."))
    trace = traced(tables_of(said), "silence-between-therapist-turns")
    assert trace.items[0].outcome == "too few"
    assert "within 120 s" in trace.needed


def test_a_value_that_could_not_be_measured() -> None:
    said = script(TALK, ASKS, ("T", 5.5, "Well."), ("C", 0.4, "Hm."))
    tables = tables_of(said)
    measures = tables["measures"]
    tables["measures"] = measures.filter(measures["item"] != "turn")
    item = traced(tables).items[0]
    assert "null" in [clause.state for clause in item.clauses]


def test_a_rule_that_was_not_asked() -> None:
    said = script(TALK, ASKS, ("T", 5.5, "Well."), ("C", 0.4, "Hm."))
    trace = traced(tables_of(said, disabled=["words"]))
    assert trace.items == ()
    assert trace.abstains == "needs words: noise"
