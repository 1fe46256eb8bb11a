#!/bin/sh
# Makes the environment from a lock file, and puts this checkout into it.
# Usage: install.sh FOLDER LOCK CHECKOUT...; PYTHON says which interpreter.
# The lock is the whole truth: nothing is resolved (--no-deps), so that no new release of
# anything can break an install. `pip check` says if the lock itself is incomplete.
set -eu
venv="$1" lock="$2"
shift 2
python="${PYTHON:-python3}"
# One retry and a longer wait each: a slow network gets through, and none is soon known.
pip="$venv/bin/pip --disable-pip-version-check --quiet --retries 1 --timeout 30"

fail() {
  echo "authz: $*" >&2
  exit 1
}

if [ ! -x "$venv/bin/pip" ]; then
  command -v "$python" >/dev/null 2>&1 ||
    fail "there is no \`$python\`: install Python 3.11 or newer, or say which: make PYTHON=/path/to/python3"
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$("$python" --version 2>&1) is too old: authz needs Python 3.11 or newer; say which: make PYTHON=python3.11"
  "$python" -c 'import venv, ensurepip' 2>/dev/null ||
    fail "this Python has no \`venv\`: install it (Debian and Ubuntu: apt install python3-venv)"
  "$python" -m venv "$venv" || fail "no environment could be made in $venv: see above"
fi
# uv takes five seconds where pip takes eighty. It does not know pip's settings (an index
# of one's own), so what it cannot do, pip does.
install() {
  "$venv/bin/uv" --quiet --native-tls pip install --python "$venv/bin/python" --no-deps "$@" 2>/dev/null ||
    $pip install --no-deps "$@"
}
sed -n '/^uv==/,/[^\\]$/p' "$lock" >"$venv/uv.txt"
$pip install --no-deps --require-hashes --only-binary :all: --retries 0 -r "$venv/uv.txt" 2>/dev/null || true
install --require-hashes -r "$lock" ||
  fail "the packages of $lock could not be installed: see above; without a network they cannot be had (behind a proxy, set HTTPS_PROXY)"
for checkout; do
  install --no-build-isolation -e "$checkout" ||
    fail "$checkout could not be installed: see above"
done
$pip check >/dev/null || { $pip check >&2 || fail "$lock is incomplete: run \`make lock\`"; }
