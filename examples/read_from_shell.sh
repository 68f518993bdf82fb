#!/bin/sh
# A correct reader in shell: nothing deletes the version while it is read, and no flip is missed.
#
#     examples/read_from_shell.sh STORE
set -eu
export RAGCTL_STORE="$1"
served=none

# `watch` ends as soon as the channel is elsewhere than at the version served last, at once if it is by now.
while served=$(ragctl watch --once --from "$served" -o name); do
    # The lease ends with the command and all that it started, however they end. A version that is gone again is no
    # mistake: the next round finds the newer one.
    ragctl resolve "$served" --lease -- sh -c '
        echo "$RAGCTL_VERSION has $(wc -l < "$1/sources.jsonl") documents"
    ' sh {} || echo "$served was not read" >&2
done
