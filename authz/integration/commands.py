"""What a command of an adapter is written with: exits, output, the audit log.

An entry point of the group `authz.commands` leads to a `click.Command`, or to a
`Command` in a module that imports little: then `authz --help` lists it without
importing the rest.
"""

from authz.cli.app import audit_here, shell
from authz.cli.commands import Command
from authz.cli.outcome import Exit, complain, end, problems_in_words
from authz.cli.output import Output, plain, with_output

__all__ = [
    "Command",
    "Exit",
    "Output",
    "audit_here",
    "complain",
    "end",
    "plain",
    "problems_in_words",
    "shell",
    "with_output",
]
