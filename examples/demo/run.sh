#!/bin/sh
# Starts the demo on this machine only. Usage: run.sh [port]
# The two accounts are for looking around; set the same names yourself for your own.
set -eu
cd "$(dirname "$0")/../.."

port="${1:-8000}"
admin_shown="${AUTHZ_ADMIN_PASSWORD:+as you set it}"
user_shown="${AUTHZ_USER_PASSWORD:+as you set it}"
export AUTHZ_ADMIN="${AUTHZ_ADMIN:-alice}"
export AUTHZ_ADMIN_PASSWORD="${AUTHZ_ADMIN_PASSWORD:-alice-demo}"
export AUTHZ_USER="${AUTHZ_USER:-bob}"
export AUTHZ_USER_PASSWORD="${AUTHZ_USER_PASSWORD:-bob-demo}"
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
export AUTHZ_STORE="${AUTHZ_STORE:-sqlite:///.demo/authz.db}"
export AUTHZ_POLICY="${AUTHZ_POLICY:-policy.csv}"
export AUTHZ_POLICY_WRITABLE="${AUTHZ_POLICY_WRITABLE:-true}"
export AUTHZ_AUDIT_FILE="${AUTHZ_AUDIT_FILE:-.demo/audit.jsonl}"
export AUTHZ_CONTACT="${AUTHZ_CONTACT:-$AUTHZ_ADMIN}"

cat <<END
The demo is at http://127.0.0.1:$port - sign in as
  $AUTHZ_ADMIN (password: ${admin_shown:-$AUTHZ_ADMIN_PASSWORD}), who may do everything, or as
  $AUTHZ_USER (password: ${user_shown:-$AUTHZ_USER_PASSWORD}), who may listen, search and make playlists.
Change policy.csv while it runs, and reload the page; or change it at "Access" in the menu
of $AUTHZ_ADMIN, where you see what a change does before it is in force. Ctrl+C stops it.
END

# Sessions are kept in the process, so there is one, with several threads.
exec gunicorn --bind "127.0.0.1:$port" --workers 1 --threads 8 --log-level warning \
  'examples.demo.app:create_app()'
