#!/bin/sh
# Finds a Python that is recent enough and runs scripts/setup.py with it. A name on PATH is no proof: version managers leave
# commands there that only print an error, so each is tried. PYTHON=… names the one to use.
set -eu
here=$(dirname "$0")
# from /: a version manager would answer for .python-version here, which may name a Python that is not installed
find='import sys; print(sys.executable); sys.exit(sys.version_info < (3, 11))'
if [ -n "${PYTHON:-}" ]; then
    if "$PYTHON" -c "$find" >/dev/null 2>&1; then
        exec "$PYTHON" "$here/setup.py" "$@"
    fi
    echo "setup: PYTHON=$PYTHON does not run, or is older than 3.11" >&2
    exit 1
fi
for candidate in python3.13 python3.12 python3.11 python3.14 python3; do
    if python=$(cd / && "$candidate" -c "$find" 2>/dev/null); then
        exec "$python" "$here/setup.py" "$@"
    fi
done
echo "setup: no Python 3.11 or later on PATH. Install one (Debian 12: apt-get install python3 python3-venv)," >&2
echo "       or name it: make PYTHON=/path/to/python3.11 ..." >&2
exit 1
