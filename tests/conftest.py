"""Servers for all tests; HYPOTHESIS_PROFILE says how thoroughly hypothesis looks."""

import os

from hypothesis import settings

from tests.services import postgresql_server, redis_server  # noqa: F401 - fixtures

# 900 worlds of 60 questions, for the scan and again for pycasbin: over 100 000 pairs.
settings.register_profile(
    "ci", max_examples=900, deadline=None, derandomize=True, print_blob=True
)
settings.register_profile("dev", max_examples=40, deadline=None)
settings.register_profile("deep", max_examples=20_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))
