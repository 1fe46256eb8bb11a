"""Findings in the formats of other programs.

GitHub: workflow commands. SARIF 2.1.0: OASIS.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final
from urllib.parse import quote

from authz.cli.junit import Case
from authz.policy.lint import Code, Finding, Severity

_SARIF: Final = "https://json.schemastore.org/sarif-2.1.0.json"


def github(findings: Iterable[Finding]) -> Iterator[str]:
    """Yield *findings* as workflow commands, which GitHub shows beside the lines."""
    levels = {Severity.NOTE: "notice"}
    for finding in findings:
        place = f"file={_property(finding.where.source)}"
        if finding.where.line:
            place += f",line={finding.where.line}"
        text = _data(f"{finding.message}: {finding.hint}")
        level = levels.get(finding.severity, str(finding.severity))
        yield f"::{level} {place},title={_property(finding.code)}::{text}"


def sarif(findings: Sequence[Finding], meanings: dict[Code, str]) -> dict[str, Any]:
    """Return *findings* as a SARIF log; *meanings* says what each kind is."""
    from importlib.metadata import version

    kinds = list(Code)
    return {
        "$schema": _SARIF,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "authz lint",
                        "version": version("authz-casbin"),
                        "rules": [
                            {
                                "id": str(code),
                                "shortDescription": {"text": meanings[code]},
                            }
                            for code in kinds
                        ],
                    }
                },
                "results": [_result(finding, kinds) for finding in findings],
            }
        ],
    }


def finding_cases(
    findings: Sequence[Finding], sources: Iterable[str]
) -> Iterator[Case]:
    """Yield a failed case for each finding, and a passed one for a file without any."""
    for source in sources:
        own = [finding for finding in findings if finding.where.source == source]
        if not own:
            yield Case(suite=source, name="no findings", file=source)
        for finding in own:
            yield Case(
                suite=source,
                name=f"{finding.code} ({finding.where})",
                failure=str(finding),
                file=source,
                line=finding.where.line,
            )


def _result(finding: Finding, kinds: Sequence[Code]) -> dict[str, Any]:
    physical: dict[str, Any] = {
        "artifactLocation": {"uri": quote(finding.where.source, safe="/")}
    }
    if finding.where.line:
        physical["region"] = {"startLine": finding.where.line}
    return {
        "ruleId": str(finding.code),
        "ruleIndex": kinds.index(finding.code),
        "level": str(finding.severity),
        "message": {"text": f"{finding.message}: {finding.hint}"},
        "locations": [{"physicalLocation": physical}],
    }


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
