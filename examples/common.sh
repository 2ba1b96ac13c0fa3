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

# Waits until something answers there, as long as a first build takes, or until the job that is to
# answer has ended.
answers() { # answers URL [SECONDS [PID]]
    "$python" - "$1" "${2:-600}" "${3:-}" <<'PYTHON'
import os, sys, time, urllib.error, urllib.request

url, seconds, pid = sys.argv[1], float(sys.argv[2]), sys.argv[3]
end = time.monotonic() + seconds


def runs(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        pass
    try:
        os.kill(int(pid), 0)
    except OSError:
        return False
    return True


while True:
    try:
        urllib.request.urlopen(url, timeout=5)
    except urllib.error.HTTPError:
        pass  # It answers, whatever it thinks.
    except OSError:
        if time.monotonic() > end or pid and not runs(pid):
            sys.exit(1)
        time.sleep(0.2)
        continue
    sys.exit(0)
PYTHON
}

# Waits until the job that was started last answers there. If it has ended, something else answers:
# what it said is on the terminal.
job_answers() { # job_answers URL [SECONDS]
    local pid=$!
    if ! answers "$1" "${2:-600}" "$pid"; then
        say "nothing answers at $1" >&2
        exit 1
    fi
    sleep 0.5
    if ! kill -0 "$pid" 2>/dev/null; then
        say "what was started for $1 has ended; see above, and whether something else uses the port" >&2
        exit 1
    fi
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
    job_answers "$TACHO_SERVER/api/performance/health"
}
