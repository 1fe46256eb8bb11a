"""The entry point: `authz_audiomuse.wsgi:app` in the place of `app:app`.

Start the server in the folder of AudioMuse-AI, with one process and several threads:
`gunicorn -c python:authz_audiomuse.server`.
"""

from authz import AuthzError
from authz.integration.sql import StoreUnreachable
from authz_audiomuse.attach import attach
from authz_audiomuse.host import import_host
from authz_audiomuse.wsgi_failure import fail

try:
    app = attach(import_host())
except AuthzError as error:
    fail(error, try_again=isinstance(error, StoreUnreachable))
