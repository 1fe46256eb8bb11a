"""Findings and test results in the formats of other programs.

GitHub: workflow commands. SARIF 2.1.0: OASIS. JUnit: the XML that CI servers read.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Final
from urllib.parse import quote
from xml.etree import ElementTree as ET

from authz.policy.lint import Code, Finding, Severity

_SARIF: Final = "https://json.schemastore.org/sarif-2.1.0.json"
#: Characters that XML 1.0 cannot hold.
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One test case of a JUnit report."""

    suite: str
    name: str
    #: What is wrong; empty if it passed.
    failure: str = ""
    #: The file and line it is about.
    file: str = ""
    line: int = 0


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


def junit(cases: Iterable[Case], *, name: str) -> str:
    """Return *cases* as a JUnit report called *name*."""
    suites: dict[str, list[Case]] = {}
    for case in cases:
        suites.setdefault(case.suite, []).append(case)
    root = ET.Element("testsuites", name=name)
    for suite, members in suites.items():
        element = ET.SubElement(
            root,
            "testsuite",
            name=_xml(suite),
            tests=str(len(members)),
            failures=str(sum(bool(case.failure) for case in members)),
            errors="0",
            skipped="0",
        )
        for case in members:
            attributes = {"name": _xml(case.name), "classname": _xml(suite)}
            if case.file:
                attributes |= {"file": _xml(case.file), "line": str(case.line)}
            inner = ET.SubElement(element, "testcase", attributes)
            if case.failure:
                failure = ET.SubElement(inner, "failure", message=_xml(case.failure))
                failure.text = _xml(case.failure)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True)


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


def _xml(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
