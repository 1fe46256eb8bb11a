#!/bin/sh
# Installs what the tests start for real and this machine does not have yet: servers and
# a browser from Debian, the identity provider from npm. Prints nothing if all is there.
set -eu
cd "$(dirname "$0")"
missing=""
while read -r program package; do
  case "$program" in
    "" | "#"*) continue ;;
    /usr/lib/postgresql) ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$missing $package" ;;
    /*) [ -e "$program" ] || missing="$missing $package" ;;
    *) PATH="$PATH:/usr/sbin" command -v "$program" >/dev/null 2>&1 || missing="$missing $package" ;;
  esac
done <system.txt
if [ -n "$missing" ]; then
  command -v apt-get >/dev/null || {
    echo "the tests need$missing: install them with your system's package manager" >&2
    exit 1
  }
  as_root=""
  [ "$(id -u)" = 0 ] || as_root="sudo"
  echo "installing from Debian:$missing"
  $as_root apt-get update -q >/dev/null
  # The tests start servers of their own; the packages must not start theirs.
  $as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
    apt-get install -y -q --no-install-recommends $missing >/dev/null
fi
idp=../tests/e2e/idp
if [ ! -e "$idp/node_modules/.package-lock.json" ] ||
  [ "$idp/package-lock.json" -nt "$idp/node_modules/.package-lock.json" ]; then
  (cd "$idp" && npm ci --silent --no-audit --no-fund)
fi
