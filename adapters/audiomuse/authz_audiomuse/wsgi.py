"""The entry point: `authz_audiomuse.wsgi:app` in the place of `app:app`.

Start the server in the folder of AudioMuse-AI, with one process and several threads:
`gunicorn --workers 1 --threads 8 authz_audiomuse.wsgi:app`.
"""

from authz_audiomuse.attach import attach
from authz_audiomuse.host import import_host

app = attach(import_host())
