#!/usr/bin/env bash
# Sets up .venv and reviews a sample backend, or the paths given.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}
[ -x "$here/.venv/bin/backlint" ] || {
    "$python" -m venv "$here/.venv"
    "$here/.venv/bin/python" -m pip install --quiet --disable-pip-version-check -e "$here"
}
if [ $# -eq 0 ]; then
    set -- "$here/fixtures/projects/fastapi_booking"
fi
exec "$here/.venv/bin/backlint" check "$@"
