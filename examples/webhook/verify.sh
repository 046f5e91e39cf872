#!/usr/bin/env bash
# Verifies a request of a webhook: signature and age. The body is read from standard input.
#
# usage: WEBHOOK_SECRET=... verify.sh SIGNATURE TIMESTAMP [NOW]
set -euo pipefail
tolerance=300 # seconds
signature=$1 timestamp=$2 now=${3:-$(date +%s)}
[[ $timestamp =~ ^[0-9]{1,18}$ ]] || exit 1
age=$((now - 10#$timestamp))
((age <= tolerance && age >= -tolerance)) || exit 1 # a replay, or a clock that is wrong
mac=$({ printf '%s.' "$timestamp"; cat; } | openssl dgst -sha256 -hmac "$WEBHOOK_SECRET" | sed 's/.*= //')
[[ "sha256=$mac" == "$signature" ]]
