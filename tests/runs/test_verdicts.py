"""Verdicts of people: never overwritten, the latest counts, and how far checks agree."""

from __future__ import annotations

from pathlib import Path

import pytest

from neuroworkflow_agent.errors import RunError
from neuroworkflow_agent.runs.store import Store
from neuroworkflow_agent.runs.verdicts import add_verdict, agreement, read_verdicts


def test_every_verdict_is_kept_and_the_latest_is_last(tmp_path: Path) -> None:
    store = Store(tmp_path)
    place = store.begin("0" * 16)
    with pytest.raises(RunError, match="has not ended"):
        add_verdict(place, "pass")
    place = store.accept(place)
    add_verdict(place, "pass", "looks right", who="ada")
    add_verdict(place, "fail", "wrong unit", who="bert")
    (place.path / "verdicts" / "broken.json").write_text("{")
    told = [(each.verdict, each.note, each.who) for each in read_verdicts(place)]
    assert told == [("pass", "looks right", "ada"), ("fail", "wrong unit", "bert")]
    with pytest.raises(RunError, match="pass, fail or unsure"):
        add_verdict(place, "maybe")


def test_agreement_counts_what_both_are_sure_of() -> None:
    pairs = (
        [("passed", "pass")] * 20
        + [("passed", "fail")] * 5
        + [("failed", "pass")] * 10
        + [("failed", "fail")] * 15
    )
    found = agreement([*pairs, ("unjudged", "pass"), ("passed", "unsure"), ("", "fail")])
    # Cohen's kappa of this table is 0.4: Wikipedia, "Cohen's kappa", Simple example.
    assert (found.count, found.rate) == (50, 0.7)
    assert found.kappa == pytest.approx(0.4)
    assert agreement([]).rate is None
    assert agreement([("passed", "pass")]).kappa is None
