#!/bin/sh
# Checks the specifications with the tools of others: a linter, a generator of
# TypeScript types whose result is compiled, and a bundler whose result is read
# by Python. Needs npx and the npm registry, python3 only for the last step.
#
#   openapi/check.sh [DIRECTORY]
#
# What is made (SPEC.d.ts and SPEC.json for each specification) is left in
# DIRECTORY if one is given, and thrown away otherwise. The npm cache is outside
# the repository: $npm_config_cache if set, else under $XDG_CACHE_HOME.
set -eu

redocly=@redocly/cli@2.38.0
typescript_types=openapi-typescript@7.13.0
typescript=typescript@5.9.3

here=$(cd "$(dirname "$0")" && pwd)
if [ $# -gt 0 ]; then
	mkdir -p "$1"
	out=$(cd "$1" && pwd)
else
	out=$(mktemp -d)
	trap 'rm -rf "$out"' EXIT
fi
export npm_config_cache="${npm_config_cache:-${XDG_CACHE_HOME:-$HOME/.cache}/meseta/npm}"
export npm_config_update_notifier=false REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true

cd "$here"
specs=$(ls ./*.yaml | sed 's|^\./||; s|\.yaml$||')

# quietly runs a command and fails if it fails or warns.
quietly() {
	if ! "$@" >"$out/log" 2>&1 || grep -iE '^ *(warn|⚠)' "$out/log"; then
		cat "$out/log" >&2
		echo "failed: $*" >&2
		exit 1
	fi
}

echo "linting"
quietly npx --yes "$redocly" lint --config redocly.yml ./*.yaml

for spec in $specs; do
	echo "$spec: bundle and TypeScript"
	quietly npx --yes "$redocly" bundle "$spec.yaml" --config redocly.yml --ext json --output "$out/$spec.json"
	quietly npx --yes "$typescript_types" "$spec.yaml" --output "$out/$spec.d.ts"
done
quietly npx --yes --package "$typescript" tsc --noEmit --strict --target es2022 "$out"/*.d.ts

if command -v python3 >/dev/null; then
	echo "reading the bundles in Python"
	python3 - "$out"/*.json <<'PYTHON'
import json
import sys


def references(value):
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for member in value.values():
            yield from references(member)
    elif isinstance(value, list):
        for element in value:
            yield from references(element)


for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    for reference in set(references(document)):
        if not reference.startswith("#/"):
            sys.exit(f"{path}: {reference} leads out of the bundle")
        target = document
        for part in reference[2:].split("/"):
            target = target[part.replace("~1", "/").replace("~0", "~")]
PYTHON
fi
rm -f "$out/log"
echo "all specifications are in order"
