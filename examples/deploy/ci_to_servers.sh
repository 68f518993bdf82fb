#!/usr/bin/env bash
# From a build machine to servers that share no disk with it, by way of a remote: every step as it is typed, and a line for
# what must be so after it.
#
#     [RAGCTL_MODEL_PATH=DIR] examples/deploy/ci_to_servers.sh [REMOTE]
#
# Needs ragctl, curl and jq. REMOTE is an empty place, a directory of its own by default, or s3://bucket/prefix with its
# credentials in the environment; what is pushed there stays. Everything else is in a temporary directory that goes away.
# The model is fetched where it is not in the cache; RAGCTL_MODEL_PATH names another.
set -euo pipefail

work=$(realpath "$(mktemp -d)")
running=()
clean_up() {
    trap - EXIT
    kill "${running[@]}" 2>/dev/null || true
    wait
    # Versions are sealed: whoever is not root may not remove what is in them.
    chmod -R u+w "$work"
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Only the model is the caller's.
unset RAGCTL_STORE RAGCTL_CONFIG RAGCTL_SIGNING_KEY RAGCTL_SIGNING_PASSWORD RAGCTL_REQUIRE_SIGNATURE RAGCTL_TOKEN
[ -z "${RAGCTL_MODEL_PATH:-}" ] || RAGCTL_MODEL_PATH=$(realpath "$RAGCTL_MODEL_PATH")
remote=${1:-$work/remote}
case $remote in *://*) ;; *) remote=$(realpath -m "$remote") ;; esac

step() { printf '\n%s\n' "$1"; }

# so WHAT FOUND EXPECTED
so() {
    if [ "$2" != "$3" ]; then
        echo "not so: $1: $2 instead of $3" >&2
        exit 1
    fi
    echo "so it is: $1: $2"
}

# ends_with CODE COMMAND...: what must fail, and how.
ends_with() {
    local expected=$1 code=0
    shift
    "$@" >/dev/null 2>&1 || code=$?
    so "exit code of $(basename "$1") $2 ${3:-}" "$code" "$expected"
}

step 'A pair of keys. The secret one is a secret of the build machine, the public one lies on every server.'
ragctl sign --new-key "$work/release.key"
public=$work/release.key.pub
secret=$(cat "$work/release.key")

# A checkout of the repository: settings and documents. Nothing of a store outlives a job, so all stores of all jobs sign
# under one name: servers take versions only of the name that they took the first one of.
checkout() {
    mkdir -p "$work/$1/docs"
    cat >"$work/$1/ragctl.toml" <<TOML
store = "store"

[[source]]
id = "docs"
path = "docs"

[remote.origin]
url = "$remote"

[signing]
name = "handbook"
TOML
    echo 'A release is built once, signed, and never changed afterwards.' >"$work/$1/docs/release.txt"
    echo 'A rollback points the channel at what was released before.' >"$work/$1/docs/rollback.txt"
}

step 'The build machine: build, verify, push what was signed, and keep what was embedded.'
checkout ci
cd "$work/ci"
ragctl init
ends_with 10 ragctl cache pull # nothing was ever pushed there
ragctl ingest
ragctl embed
ragctl build v1.0.0
ragctl verify v1.0.0
RAGCTL_SIGNING_KEY=$secret ragctl push v1.0.0 --sign --channel current --expect-current none --reason 'the first'
ragctl cache push

step 'A server without a store, a configuration or a model of its own: pull, and serve.'
mkdir "$work/server"
cd "$work/server"
pull=(ragctl pull --init --publish --keep 2 --remote "$remote" --require-signature "$public")
serve=(ragctl serve --listen 127.0.0.1:0 -o name -q --require-signature "$public")
env -u RAGCTL_MODEL_PATH RAGCTL_STORE="$work/server/store" "${pull[@]}"
env -u RAGCTL_MODEL_PATH RAGCTL_STORE="$work/server/store" "${serve[@]}" >url &
server=$!
running+=("$server")

# ask TEXT: the answer of the server.
ask() {
    jq -n --arg text "$1" '{$text, k: 1}' |
        curl --silent --fail --max-time 5 -H 'content-type: application/json' --data @- "$(cat "$work/server/url")/v1/search"
}

# follows VERSION: it gets there in a minute, and it is the process that was started first.
follows() {
    local found=nothing
    for _ in $(seq 300); do
        found=$(ask 'How is a release undone?' 2>/dev/null | jq -r .version) || found=nothing
        [ "$found" != "$1" ] || break
        sleep 0.2
    done
    kill -0 "$server"
    so 'the running server answers from' "$found" "$1"
}
follows v1.0.0

step 'Beside it, what keeps its store at the channel.'
env -u RAGCTL_MODEL_PATH RAGCTL_STORE="$work/server/store" "${pull[@]}" --follow --interval 500ms 2>follower.log &
running+=("$!")

step 'The next release reaches it without a restart.'
cd "$work/ci"
echo 'A canary is a channel that a few servers follow.' >docs/canary.txt
ragctl ingest
ragctl embed
ragctl build v1.1.0
ragctl verify v1.1.0
RAGCTL_SIGNING_KEY=$secret ragctl push v1.1.0 --sign --channel current --expect-current v1.0.0 --reason 'canaries'
ragctl cache push
follows v1.1.0
so 'what is new is found' "$(ask 'A canary is a channel that a few servers follow.' | jq -r '.hits[0].doc_id')" canary.txt

step 'What nobody signed is not taken: here a version that is signed, and a release of it that is not.'
ragctl push v1.1.0 --channel unsigned
ends_with 12 ragctl pull --channel unsigned --dry-run --require-signature "$public"

step 'Back: the channel at the remote is moved, and the server goes with it.'
RAGCTL_SIGNING_KEY=$secret ragctl rollback --remote origin --sign --reason 'canaries are not ready'
follows v1.0.0

step 'Another build machine, with an empty disk: only what is new is embedded.'
checkout other-ci
cd "$work/other-ci"
echo 'A pod pulls before it serves.' >docs/pod.txt
ragctl init
ragctl cache pull
ragctl ingest
embedded=$(ragctl embed --json)
so 'texts that were embedded' "$(jq .embedded <<<"$embedded")" 1
so 'texts that came from the remote' "$(jq .cached <<<"$embedded")" 2
ragctl build v1.2.0
ragctl verify v1.2.0
export RAGCTL_SIGNING_KEY=$secret
ends_with 13 ragctl push v1.2.0 --sign --channel current --expect-current v1.1.0 # it was rolled back
ragctl push v1.2.0 --sign --channel current --expect-current v1.0.0 --reason 'pods'
unset RAGCTL_SIGNING_KEY
ragctl cache push
follows v1.2.0

step 'Where no network leads: one file, which brings the version, its model and its signature.'
ragctl export v1.2.0 "$work/handbook.tar.zst"
mkdir "$work/island"
cd "$work/island"
export RAGCTL_STORE=$work/island/store RAGCTL_REQUIRE_SIGNATURE=$public
unset RAGCTL_MODEL_PATH
ragctl --offline init
version=$(ragctl --offline import "$work/handbook.tar.zst" -o name)
ragctl --offline publish "$version" --reason 'by hand'
answer=$(ragctl --offline query 'A pod pulls before it serves.' --json)
so 'the island answers from' "$(jq -r .version <<<"$answer")" v1.2.0
so 'with' "$(jq -r '.hits[0].doc_id' <<<"$answer")" pod.txt
unset RAGCTL_STORE RAGCTL_REQUIRE_SIGNATURE

step 'What lies at the remote now.'
cd "$work/ci"
ragctl remote show
