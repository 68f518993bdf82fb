#!/bin/bash
# Asks ragctl on this host for PATH, /readyz by default, and succeeds on 200. The image has neither curl nor wget, and
# ragctl no command for it, but bash opens sockets. The probes need no token.
#
#     healthcheck.sh [PATH [PORT]]
path=${1:-/readyz} port=${2:-8080}

exec 3<>"/dev/tcp/127.0.0.1/$port" || exit 1
printf 'GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n' "$path" >&3
# The whole answer is read: a server that finds its reader gone logs an error.
IFS=' ' read -r -t 2 _ status _ <&3 || exit 1
timeout 2 cat <&3 >/dev/null
[ "${status%$'\r'}" = 200 ]
