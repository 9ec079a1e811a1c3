"""Runs that nobody has judged, one after the other in a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from neuroworkflow_agent.errors import RunError
from neuroworkflow_agent.runs.event_file import read_events
from neuroworkflow_agent.runs.record import RunRecord, read_record
from neuroworkflow_agent.runs.store import Store
from neuroworkflow_agent.runs.verdicts import Agreement, add_verdict, agreement, read_verdicts
from neuroworkflow_agent.surfaces.console import echo, say
from neuroworkflow_agent.surfaces.run_list import folded, head_of
from neuroworkflow_agent.surfaces.terminal_view import on_standard_output

_CHOICES = {"p": "pass", "f": "fail", "u": "unsure"}
_KEYS = {word: word[0] for word in ("skip", "quit", "p", "f", "u", "s", "q", *_CHOICES.values())}
"""A key, or the whole word."""
_QUESTION = "p pass · f fail · u unsure · s skip · q quit, and a note behind it if you like: "


def review(store: Store, *, with_judged: bool) -> None:
    """Show each run and ask for a verdict, until there is none left or the user quits.

    Raises
    ------
    RunError
        If nobody can be asked.
    """
    if not sys.stdin.isatty():
        raise RunError(
            "A review asks in a terminal. Give verdicts one by one: runs verdict ID pass|fail|unsure."
        )
    waiting = list(_waiting(store, with_judged=with_judged))
    for number, record in enumerate(waiting, 1):
        echo(f"\n— {number} of {len(waiting)} —")
        echo(head_of(record))
        on_standard_output().show(folded(read_events(record.place.path)))
        if not _asked(record):
            break
    say(agreement_text(agreement_of(store)))


def agreement_of(store: Store) -> Agreement:
    """How far checks and people agree on the runs of a store."""
    judged = ((read_record(place), read_verdicts(place)) for place in store.newest())
    return agreement((record.verdict, verdicts[-1].verdict) for record, verdicts in judged if verdicts)


def agreement_text(found: Agreement) -> str:
    """One sentence."""
    if found.rate is None:
        return "No run has been judged by checks and by a person yet."
    kappa = f", kappa {found.kappa:.2f}" if found.kappa is not None else ""
    return (
        f"Checks and people agree on {found.both_pass + found.both_fail} of {found.count} runs ({found.rate:.0%}{kappa}); "
        f"only checks passed {found.checks_alone_pass}, only people {found.people_alone_pass}."
    )


def _waiting(store: Store, *, with_judged: bool) -> Iterator[RunRecord]:
    for place in store.newest():
        if place.has_ended and (with_judged or not read_verdicts(place)):
            yield read_record(place)


def _asked(record: RunRecord) -> bool:
    """Take one verdict; False to quit."""
    while True:
        try:
            word, _, note = input(_QUESTION).strip().partition(" ")
        except EOFError:
            return False
        key = _KEYS.get(word.casefold())
        if key in ("q", "s"):
            return key == "s"
        if key is not None:
            add_verdict(record.place, _CHOICES[key], note.strip())
            return True
        echo("Say p, f, u, s or q.")
