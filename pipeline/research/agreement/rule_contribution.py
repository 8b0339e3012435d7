"""The contribution of each rule to the scores of one session."""

from collections import Counter

import polars as pl

from pipeline.research.agreement.metrics import RuleTally
from pipeline.research.agreement.scoring import Coded, Judged, kinds_and_places, outcomes


def by_rule(
    judged: Judged,
    hits: pl.DataFrame,
    moments: pl.DataFrame,
    coded: Coded,
    tolerance: int,
) -> dict[str, RuleTally]:
    """The contribution of each rule with a hit in one session.

    To see what would be lost without a rule, its hits are taken out of the moments: a moment
    without another primary hit vanishes, the others keep their bounds. (A moment that the rule held
    together might become two if merged again; this is ignored.)

    Parameters
    ----------
    hits, moments
        Tables of that name, therapist's moves left out.
    """
    rule_of = dict(hits.select("hit_id", "rule").rows())
    ids = moments.select("moment_id", "primary_hits", "supporting_hits").rows()
    stands_on = {moment: {rule_of[hit] for hit in primary} for moment, primary, _ in ids}
    supported = {moment: {rule_of[hit] for hit in beside} for moment, _, beside in ids}
    outcome = {row["moment_id"]: row["outcome"] for row in judged.flagged}
    right = sum(value == "right" for value in outcome.values())
    false = sum(value == "false" for value in outcome.values())
    found = {}
    unsure = kinds_and_places(coded.uncertain)
    flagged = {
        row["moment_id"]: flag for row, flag in zip(judged.flagged, judged.flags, strict=True)
    }
    every = Counter(hits["rule"].to_list())
    counting = Counter(hits.filter(pl.col("suppressed_by").is_null())["rule"].to_list())
    for rule in sorted(every):
        held = [m for m, rules in stands_on.items() if rule in rules and outcome[m] != "uncertain"]
        alone = {m for m, rules in stands_on.items() if rules == {rule}}
        lost = spared = 0
        if alone:
            left = [each for m, each in flagged.items() if m not in alone]
            without = [each.outcome for each in outcomes(left, judged.coded, unsure, tolerance)]
            lost, spared = right - without.count("right"), false - without.count("false")
        found[rule] = RuleTally(
            hits=counting[rule],
            suppressed=every[rule] - counting[rule],
            moments=len(held),
            right=sum(outcome[m] == "right" for m in held),
            supports=sum(
                rule in rules and rule not in stands_on[m] for m, rules in supported.items()
            ),
            alone=sum(outcome[m] == "right" for m in alone),
            lost=lost,
            spared=spared,
            benign=sum(not alone.isdisjoint(row["moments"]) for row in judged.passed),
        )
    return found
