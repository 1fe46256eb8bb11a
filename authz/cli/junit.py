"""Findings and test results as JUnit reports: the XML that CI servers read."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

#: Characters that XML 1.0 cannot hold.
_NOT_XML: Final = "[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"


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


def junit(cases: Iterable[Case], *, name: str) -> str:
    """Return *cases* as a JUnit report called *name*."""
    # No other format is XML.
    from xml.etree import ElementTree as ET

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


def _xml(text: str) -> str:
    return re.sub(_NOT_XML, "\ufffd", text)
