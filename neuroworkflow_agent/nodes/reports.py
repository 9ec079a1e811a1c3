"""Findings for people, for GitHub, and as SARIF."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from neuroworkflow_agent._version import __version__
from neuroworkflow_agent.nodes.findings import RULES, Finding, Severity
from neuroworkflow_agent.text import strip_control

_GITHUB_LEVEL: dict[Severity, str] = {"error": "error", "warning": "warning", "info": "notice"}
_SARIF_LEVEL: dict[Severity, str] = {"error": "error", "warning": "warning", "info": "note"}


def as_text(findings: Sequence[Finding]) -> str:
    """One line a finding: `path:line:column: error NW204 …`."""
    return "".join(
        f"{_flat(f.path)}:{f.line}:{f.column}: {f.severity} {f.code} {_flat(f.text)}\n" for f in findings
    )


def as_json(findings: Sequence[Finding], **summary: Any) -> str:
    """`{"findings": […], …}`."""
    return json.dumps(
        {**summary, "findings": [finding.as_dict() for finding in findings]}, ensure_ascii=False
    )


def as_github(findings: Sequence[Finding]) -> str:
    """Workflow commands, which GitHub shows beside the lines of a pull request."""
    return "".join(
        f"::{_GITHUB_LEVEL[f.severity]} file={_property(f.path)},line={f.line},col={f.column},"
        f"title={_property(f'{f.code} {RULES[f.code].title}')}::{_data(f.text)}\n"
        for f in findings
    )


def as_sarif(findings: Sequence[Finding]) -> str:
    """A SARIF 2.1.0 log, as code scanning takes it."""
    codes = sorted(RULES)
    driver = {
        "name": "neuroworkflow-agent",
        "version": __version__,
        "rules": [
            {
                "id": code,
                "shortDescription": {"text": RULES[code].title},
                "fullDescription": {"text": f"{RULES[code].title}. {RULES[code].why}"},
                "defaultConfiguration": {"level": _SARIF_LEVEL[RULES[code].severity]},
            }
            for code in codes
        ],
    }
    results = [
        {
            "ruleId": f.code,
            "ruleIndex": codes.index(f.code),
            "level": _SARIF_LEVEL[f.severity],
            "message": {"text": f.text},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": quote(PurePath(f.path).as_posix())},
                        "region": {"startLine": f.line, "startColumn": f.column},
                    }
                }
            ],
        }
        for f in findings
    ]
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}],
    }
    return json.dumps(log, ensure_ascii=False)


def _flat(text: str) -> str:
    return " ".join(strip_control(text).split())


def _data(text: str) -> str:
    return strip_control(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
