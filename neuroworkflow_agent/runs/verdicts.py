"""What people say of a run: one small file for each verdict, which nobody writes over; the latest counts."""

from __future__ import annotations

import getpass
import json
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Literal, TypeAlias, get_args

from neuroworkflow_agent.errors import RunError
from neuroworkflow_agent.private_files import write_private
from neuroworkflow_agent.runs.plain_files import read_plain
from neuroworkflow_agent.runs.store import Place

Judgement: TypeAlias = Literal["pass", "fail", "unsure"]
JUDGEMENTS: tuple[Judgement, ...] = get_args(Judgement)
_DIRECTORY = "verdicts"
_MAX_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """One person's."""

    verdict: Judgement
    note: str
    who: str
    when: str
    """ISO 8601, UTC."""


def add_verdict(place: Place, verdict: str, note: str = "", who: str = "") -> Verdict:
    """Say what you think of a run.

    Parameters
    ----------
    who
        Empty for the user of this process.

    Raises
    ------
    RunError
        If it is none of `JUDGEMENTS`, or the run goes on.
    """
    if verdict not in JUDGEMENTS:
        raise RunError(f"A verdict is pass, fail or unsure, not {verdict!r}.")
    if not place.has_ended:
        raise RunError(f"The run {place.run_id} has not ended, so nobody can judge it yet.")
    now = datetime.now(UTC).isoformat(timespec="microseconds")
    given = Verdict(verdict, note, who or _user(), now)
    directory = place.path / _DIRECTORY
    directory.mkdir(exist_ok=True)
    name = f"{now.replace(':', '').replace('+0000', 'Z')}-{secrets.token_hex(4)}.json"
    write_private(directory / name, json.dumps(asdict(given), ensure_ascii=False).encode() + b"\n")
    return given


def read_verdicts(place: Place) -> list[Verdict]:
    """All of a run, the latest last."""
    found = []
    for path in (place.path / _DIRECTORY).glob("*.json"):
        try:
            found.append(Verdict(**json.loads(read_plain(path, _MAX_BYTES))))
        except (OSError, ValueError, TypeError):
            continue
    return sorted(found, key=lambda verdict: verdict.when)


@dataclass(frozen=True, slots=True)
class Agreement:
    """How often checks and people say the same of a run that both have judged."""

    both_pass: int = 0
    both_fail: int = 0
    checks_alone_pass: int = 0
    """Checks passed and a person said fail."""
    people_alone_pass: int = 0
    """Checks failed and a person said pass."""

    @property
    def count(self) -> int:
        """Runs that both have judged."""
        return self.both_pass + self.both_fail + self.checks_alone_pass + self.people_alone_pass

    @property
    def rate(self) -> float | None:
        """Part of the runs on which they agree; None without any."""
        return (self.both_pass + self.both_fail) / self.count if self.count else None

    @property
    def kappa(self) -> float | None:
        """Cohen's kappa: agreement beyond that of chance; None where chance alone would agree on everything."""
        n, rate = self.count, self.rate
        if rate is None:
            return None
        by_checks = (self.both_pass + self.checks_alone_pass) / n
        by_people = (self.both_pass + self.people_alone_pass) / n
        chance = by_checks * by_people + (1 - by_checks) * (1 - by_people)
        return (rate - chance) / (1 - chance) if chance < 1 else None


def agreement(judged: Iterable[tuple[str, str]]) -> Agreement:
    """Count, over (what checks say, what the latest person says), those that are sure."""
    counts = {("passed", "pass"): 0, ("failed", "fail"): 0, ("passed", "fail"): 0, ("failed", "pass"): 0}
    for pair in judged:
        if pair in counts:
            counts[pair] += 1
    return Agreement(*counts.values())


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name
        return "somebody"
