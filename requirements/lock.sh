#!/usr/bin/env bash
# Writes demo.txt and dev.txt: the versions that a fresh environment gets today for demo.in and dev.in.
set -euo pipefail
cd "$(dirname "$0")"
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
"${PYTHON:-python3}" -m venv "$fresh"
freeze() { "$fresh/bin/python" -m pip --disable-pip-version-check freeze; }

"$fresh/bin/python" -m pip install --quiet -r demo.in
{ echo "# Written by \`make lock\` from demo.in."; freeze; } > demo.txt
"$fresh/bin/python" -m pip install --quiet -r demo.txt -r dev.in
{ echo "# Written by \`make lock\` from dev.in, on top of demo.txt."; echo "-r demo.txt"; freeze | grep -vxFf demo.txt; } > dev.txt

# An environment of its own: the tests of `redux import-redun` run redun in it.
"${PYTHON:-python3}" -m venv --clear "$fresh"
"$fresh/bin/python" -m pip install --quiet -r redun.in
{ echo "# Written by \`make lock\` from redun.in."; freeze; } > redun.txt
