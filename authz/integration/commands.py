"""What a command of an adapter is written with: exits, output, the audit log."""

from authz.cli.app import audit_here, shell
from authz.cli.outcome import Exit, complain, end, problems_in_words
from authz.cli.output import Output, plain, with_output

__all__ = [
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
