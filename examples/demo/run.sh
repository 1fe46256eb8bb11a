#!/bin/sh
# Starts the demo on this machine only. Usage: run.sh [port] [libraries]
# With `libraries` the policy has scopes: anna has both libraries, bob only the kids' one.
# The accounts are for looking around; set the same names yourself for your own.
set -eu
cd "$(dirname "$0")/../.."

port="${1:-8000}"
admin_shown="${AUTHZ_ADMIN_PASSWORD:+as you set it}"
user_shown="${AUTHZ_USER_PASSWORD:+as you set it}"
export AUTHZ_ADMIN="${AUTHZ_ADMIN:-alice}"
export AUTHZ_ADMIN_PASSWORD="${AUTHZ_ADMIN_PASSWORD:-alice-demo}"
if [ "${2:-}" = libraries ]; then
  # Settings give their role in every scope, so bob and anna are people of the store.
  libraries=1
  people_password=two-libraries-demo
else
  libraries=
  export AUTHZ_USER="${AUTHZ_USER:-bob}"
  export AUTHZ_USER_PASSWORD="${AUTHZ_USER_PASSWORD:-bob-demo}"
fi
if ! python - "$port" <<'END'
import socket, sys
with socket.socket() as server:
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        server.bind(("127.0.0.1", int(sys.argv[1])))
    except (OSError, ValueError, OverflowError) as error:
        sys.exit(f"authz: port {sys.argv[1]} cannot be used ({error}): "
                 "choose another: make demo PORT=8001")
END
then exit 1; fi
# People whom the admin pages add are kept in a database; rules stay in policy.csv, which
# the admin pages may write.
mkdir -p .demo
if [ -n "$libraries" ]; then
  [ -e .demo/libraries.csv ] || cp examples/demo/libraries.csv .demo/libraries.csv
  export AUTHZ_POLICY="${AUTHZ_POLICY:-.demo/libraries.csv}"
  export AUTHZ_MODEL="${AUTHZ_MODEL:-model-scoped.conf}"
  export AUTHZ_STORE=sqlite:///.demo/libraries.db
fi
export AUTHZ_STORE="${AUTHZ_STORE:-sqlite:///.demo/authz.db}"
export AUTHZ_POLICY="${AUTHZ_POLICY:-policy.csv}"
export AUTHZ_POLICY_WRITABLE="${AUTHZ_POLICY_WRITABLE:-true}"
export AUTHZ_AUDIT_FILE="${AUTHZ_AUDIT_FILE:-.demo/audit.jsonl}"
export AUTHZ_CONTACT="${AUTHZ_CONTACT:-$AUTHZ_ADMIN}"

if [ -n "$libraries" ]; then
  if ! [ -e .demo/libraries.db ]; then
    for person in anna bob; do
      echo "$people_password" | authz user add "$person" --inherit --quiet
    done
  fi
  cat <<END
The demo is at http://127.0.0.1:$port with two libraries - sign in as
  $AUTHZ_ADMIN (password: ${admin_shown:-$AUTHZ_ADMIN_PASSWORD}), who may do everything,
  anna (password: $people_password), who has both libraries, or as
  bob (password: $people_password), who has only the one for children.
Who has which is on the page of each person, at "Access" in the menu of $AUTHZ_ADMIN: tick a
library, see what it changes, apply it, and take it back. Ctrl+C stops the demo.
END
else
  cat <<END
The demo is at http://127.0.0.1:$port - sign in as
  $AUTHZ_ADMIN (password: ${admin_shown:-$AUTHZ_ADMIN_PASSWORD}), who may do everything, or as
  $AUTHZ_USER (password: ${user_shown:-$AUTHZ_USER_PASSWORD}), who may listen, search and make playlists.
Change policy.csv while it runs, and reload the page; or change it at "Access" in the menu
of $AUTHZ_ADMIN, where you see what a change does before it is in force. Ctrl+C stops it.
END
fi

# Sessions are kept in the process, so there is one, with several threads.
exec gunicorn --bind "127.0.0.1:$port" --workers 1 --threads 8 --log-level warning \
  'examples.demo.app:create_app()'
