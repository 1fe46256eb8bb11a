"""What runs beside requests, and the clock it goes by."""

from authz.audit import Clock, utc_now
from authz.background import Poller

__all__ = [
    "Clock",
    "Poller",
    "utc_now",
]
