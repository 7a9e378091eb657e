#!/usr/bin/env bash
# Gets what the tests need beyond Go. As root on a Debian system it installs
# what is missing; otherwise it says what to install. A test whose program is
# missing is skipped with a reason, and fails when CI=true.
set -euo pipefail

declare -A package=(
  [dockerd]=docker.io
  [busybox]=busybox-static
  [jq]=jq
  [curl]=curl
  [python3]=python3
  [ip]=iproute2
)

missing=()
for program in "${!package[@]}"; do
  command -v "$program" >/dev/null 2>&1 || missing+=("${package[$program]}")
done
# Debian keeps the server's programs out of PATH.
if ! compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null && ! command -v initdb >/dev/null 2>&1; then
  missing+=(postgresql)
fi
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "installing for the tests: ${missing[*]}"
  log=$(mktemp)
  if ! { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    tail -20 "$log" >&2
    exit 1
  fi
  rm -f "$log"
else
  echo "some tests need programs that are not installed; install: ${missing[*]}" >&2
fi
