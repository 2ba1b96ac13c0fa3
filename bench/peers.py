#!/usr/bin/env python3
"""Our times beside the peers', on the same arrays, in one run, one thread each.

    bench/peers.py [TASK...] [--repeat 5] [--venv target/peers] [--binary target/release/tacho-bench]

Installs the peers in a virtual environment, builds tacho-bench, writes each task's arrays as
doubles, runs both sides in turn and prints a table; exit 1 when a ratio or a result is missed.
A task is an entry of TASKS in a file of bench/tasks.
"""
import argparse
import dataclasses
import importlib
import math
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from typing import Callable

ROOT = pathlib.Path(__file__).resolve().parent.parent
THREADS = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS",
                                  "NUMBA_NUM_THREADS", "NUMEXPR_NUM_THREADS")}


@dataclasses.dataclass
class Task:
    """One comparison. `peer` gets the arrays and returns numbers to compare with ours."""
    name: str                       # what tacho-bench calls it
    title: str                      # what the table calls it
    against: str                    # the peer's name
    arrays: Callable                # rng -> {name: array}
    peer: Callable                  # {name: array} -> numbers
    faster: float                   # how many times faster we must be
    close: float | None = None      # relative tolerance of the results; None: they are random
    repeat: int | None = None       # fewer repetitions for slow peers


def tasks():
    sys.path.insert(0, str(ROOT / "bench"))
    sys.modules["peers"] = sys.modules["__main__"]
    found = []
    for path in sorted((ROOT / "bench" / "tasks").glob("*.py")):
        found += importlib.import_module(f"tasks.{path.stem}").TASKS
    return found


def in_environment(venv):
    """Starts again inside the virtual environment, made first where it is missing."""
    python = venv / "bin" / "python"
    if pathlib.Path(sys.prefix).resolve() == venv.resolve():
        return
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    requirements = ROOT / "bench" / "requirements.txt"
    subprocess.run([python, "-m", "pip", "install", "-q", "-r", requirements], check=True)
    os.execve(python, [python, __file__, *sys.argv[1:]], {**os.environ, **THREADS})


def best_of(repeat, work):
    best, result = math.inf, None
    for _ in range(repeat):
        start = time.perf_counter()
        result = work()
        best = min(best, time.perf_counter() - start)
    return best, [float(v) for v in result]


def agree(ours, theirs, tolerance):
    if len(ours) != len(theirs):
        return False
    return all(abs(a - b) <= tolerance * max(abs(b), 1e-300) or a == b for a, b in zip(ours, theirs))


def compare(task, binary, repeat):
    import numpy
    arrays = task.arrays(numpy.random.default_rng(1))
    with tempfile.TemporaryDirectory() as folder:
        for name, array in arrays.items():
            numpy.ascontiguousarray(array, dtype="<f8").tofile(pathlib.Path(folder, f"{name}.f64"))
        task.peer(arrays)           # imports, compilation and caches are not timed
        theirs, their_result = best_of(task.repeat or repeat, lambda: task.peer(arrays))
        line = subprocess.run([binary, "time", task.name, folder, "--repeat", str(repeat)],
                              check=True, capture_output=True, text=True).stdout
    ours, *our_result = [float(v) for v in line.split()]
    same = task.close is None or agree(our_result, their_result, task.close)
    if not same:
        print(f"{task.name}: ours {our_result}, {task.against} {their_result}", file=sys.stderr)
    return ours, theirs, same


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("task", nargs="*", help="only these tasks")
    parser.add_argument("--repeat", type=int, default=5, help="repetitions; the best counts")
    parser.add_argument("--venv", type=pathlib.Path, default=ROOT / "target" / "peers")
    parser.add_argument("--binary", type=pathlib.Path, help="a built tacho-bench")
    options = parser.parse_args()
    in_environment(options.venv.absolute())
    known = tasks()
    chosen = [t for t in known if not options.task or t.name in options.task]
    missing = set(options.task) - {t.name for t in known}
    if missing:
        parser.error(f"no task {', '.join(sorted(missing))}; known: {', '.join(t.name for t in known)}")
    binary = options.binary
    if binary is None:
        subprocess.run(["cargo", "build", "-q", "--release", "-p", "tacho-bench"], cwd=ROOT, check=True)
        target = os.environ.get("CARGO_TARGET_DIR", ROOT / "target")
        binary = pathlib.Path(target, "release", "tacho-bench")
    print("| task | peer | peer s | ours s | times faster | asked | same result |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    missed = False
    for task in chosen:
        ours, theirs, same = compare(task, binary, options.repeat)
        ratio = theirs / ours
        missed |= ratio < task.faster or not same
        result = "random" if task.close is None else ("yes" if same else "NO")
        print(f"| {task.title} | {task.against} | {theirs:.4g} | {ours:.4g} | {ratio:.1f} | "
              f"{task.faster:g} | {result} |", flush=True)
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
