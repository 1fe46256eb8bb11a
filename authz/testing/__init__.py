"""Help for the tests of an app that authz guards. Never imported by what serves.

```python
from authz.testing import as_subject, assert_every_route_is_classified

def test_routes(app):
    assert_every_route_is_classified(app)

def test_users_may_not_start_analysis(app):
    with as_subject(app, "bob", roles=["user"]) as client:
        assert client.post("/api/analysis/start").status_code == 403
```
"""

from authz.testing.routes import (
    assert_every_route_is_classified as assert_every_route_is_classified,
)
from authz.testing.signer import Signer as Signer
from authz.testing.subjects import as_subject as as_subject

__all__ = ["Signer", "as_subject", "assert_every_route_is_classified"]
