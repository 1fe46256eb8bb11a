"""What reads the settings of an adapter as authz reads its own."""

from authz.bounded_read import read_file
from authz.settings import SETTINGS, Setting, Settings, read_settings
from authz.settings.defaults import defaulted
from authz.settings.parsers import positive
from authz.settings.reader import Reader

__all__ = [
    "SETTINGS",
    "Reader",
    "Setting",
    "Settings",
    "defaulted",
    "positive",
    "read_file",
    "read_settings",
]
