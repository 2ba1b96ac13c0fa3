# What the examples share: a server to watch them, Python packages, an end on Ctrl-C.
# Each example's `run` reads this file; it is no command.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[1]}")" && pwd)
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export TACHO_SERVER=${TACHO_SERVER:-http://127.0.0.1:8090}
export OTEL_EXPORTER_OTLP_ENDPOINT=${OTEL_EXPORTER_OTLP_ENDPOINT:-$TACHO_SERVER}
python=$here/.venv/bin/python

say() { printf '== %s\n' "$*"; }

stop() {
    trap - EXIT INT TERM
    local jobs
    jobs=$(jobs -p)
    [ -z "$jobs" ] || kill $jobs 2>/dev/null || true
    wait
}
trap stop EXIT
trap 'stop; exit 0' INT TERM

# Installs the pinned packages beside the example, once.
packages() {
    local stamp
    stamp=$(cksum < "$here/requirements.txt")
    [ "$(cat "$here/.venv/stamp" 2>/dev/null)" = "$stamp" ] && return
    say "installing Python packages into ${here#"$root"/}/.venv"
    python3 -m venv --clear "$here/.venv"
    "$python" -m pip install -q --disable-pip-version-check -r "$here/requirements.txt"
    echo "$stamp" > "$here/.venv/stamp"
}

# Waits until something answers there, as long as a first build takes.
answers() { # answers URL [SECONDS]
    "$python" - "$1" "${2:-600}" <<'PYTHON'
import sys, time, urllib.error, urllib.request

url, seconds = sys.argv[1], float(sys.argv[2])
end = time.monotonic() + seconds
while True:
    try:
        urllib.request.urlopen(url, timeout=5)
    except urllib.error.HTTPError:
        pass  # It answers, whatever it thinks.
    except OSError:
        if time.monotonic() > end:
            sys.exit(1)
        time.sleep(0.2)
        continue
    sys.exit(0)
PYTHON
}

# Starts a server unless one runs.
server() {
    if answers "$TACHO_SERVER/api/performance/health" 0; then
        say "using the server that runs at $TACHO_SERVER"
        return
    fi
    if command -v tacho >/dev/null; then
        say "starting tacho"
        tacho start --data-dir "$here/tacho-data" &
    else
        say "building and starting tacho; the first time takes minutes"
        (cd "$root" && exec cargo run -q --release -p tacho -- start --data-dir "$here/tacho-data") &
    fi
    answers "$TACHO_SERVER/api/performance/health"
}
