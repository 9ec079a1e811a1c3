"""`python -m benchmarks.tasks [--set work|unseen] [--model MODEL]`: how far a model gets, in real kernels."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.tasks.requests import KINDS
from benchmarks.tasks.run import Result, run
from benchmarks.tasks.split import half
from benchmarks.tasks.suite import write_suite


def main() -> int:
    """Run the requests and print what came of them; exit 1 if fewer than `--pass` of them passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--set", choices=("work", "unseen"), default="work", help="which half of the requests"
    )
    parser.add_argument("--model", default=None, help="as for `run`")
    parser.add_argument("--only", nargs="*", help="names of requests")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--pass", dest="target", type=int, default=0, help="exit 1 below this many passes")
    parser.add_argument("--log", type=Path, help="a file that gets a line of JSON for each request")
    parser.add_argument(
        "--suite",
        type=Path,
        metavar="DIR",
        help="run nothing; write them as a suite for 'neuroworkflow-agent eval'",
    )
    options = parser.parse_args()
    chosen = [task for task in half(options.set) if not options.only or task.name in options.only]
    if options.suite is not None:
        print(write_suite(chosen, options.suite))
        return 0
    results: list[Result] = []
    with tempfile.TemporaryDirectory() as home:
        os.environ["CLAUDE_CONFIG_DIR"] = home
        for number, task in enumerate(chosen * options.repeat):
            (folder := Path(home, f"work-{number}")).mkdir()
            results.append(run(task, options.model, folder))
            if options.log is not None:
                with options.log.open("a") as log:
                    log.write(json.dumps(dataclasses.asdict(results[-1])) + "\n")
    _print(results, f"{options.set}, model: {options.model or 'auto'}")
    return int(sum(result.passed for result in results) < options.target)


def _print(results: list[Result], title: str) -> None:
    table = Table("request", "passed", "false", "first text", "seconds", "ended", title=title)
    for result in results:
        first = "-" if result.first_text_s is None else f"{result.first_text_s:.1f} s"
        passed, is_false = "yes" if result.passed else "NO", "FALSE" if result.is_false else ""
        table.add_row(result.name, passed, is_false, first, f"{result.total_s:.1f}", result.end)
    Console(width=100).print(table)
    firsts = [result.first_text_s for result in results if result.first_text_s is not None] or [0.0]
    for kind in KINDS:
        of_kind = [result for result in results if result.kind == kind]
        if of_kind:
            print(f"{kind}: {sum(result.passed for result in of_kind)} of {len(of_kind)}")
    print(
        f"{sum(result.passed for result in results)} of {len(results)} passed; "
        f"{sum(result.is_false for result in results)} stated falsehoods; "
        f"{sum(not result.passed and result.end == 'complete' for result in results)} failed and ended complete; "
        f"first text: median {statistics.median(firsts):.1f} s, worst {max(firsts):.1f} s; "
        f"{sum(result.total_s for result in results):.0f} s in all"
    )


if __name__ == "__main__":
    sys.exit(main())
