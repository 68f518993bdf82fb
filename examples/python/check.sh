#!/bin/sh
# Tests the package with pinned versions: check.sh [DIRECTORY]. The directory keeps a virtual environment, which is used again
# while pyproject.toml does not change. RAGCTL_BIN names the ragctl binary that makes the stores.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
directory=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/ragctl/python-reader}
python=${PYTHON:-python3}
mkdir -p "$directory"
stamp=$( (cat "$here/pyproject.toml"; "$python" -V; echo "$here") | cksum)
if [ "$(cat "$directory/stamp" 2>/dev/null || true)" != "$stamp" ]; then
    rm -rf "$directory/venv" "$directory/stamp"
    "$python" -m venv "$directory/venv"
    "$directory/venv/bin/python" -m pip install --quiet --disable-pip-version-check -e "$here[langchain,test]"
    echo "$stamp" > "$directory/stamp"
fi
cd "$here"
PYTHONDONTWRITEBYTECODE=1 exec "$directory/venv/bin/python" -m pytest -p no:cacheprovider --durations=5
