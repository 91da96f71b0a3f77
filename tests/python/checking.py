"""What the checks of this folder share: their counts, the line that tests/run.sh reads, and runs of the program.
A check is called as `python check_NAME.py PROGRAM [SEED [MORE...]]`."""
import os, subprocess, sys

PROGRAM = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else None
counts = {"passed": 0, "failed": 0, "skipped": 0}


def check(ok, *what):
    """Counts it; what is wrong is printed where not `ok`, which is given back."""
    counts["passed" if ok else "failed"] += 1
    if not ok: print("not ok", *what, flush=True)
    return ok


def skip(*what):
    """Counts a part that cannot run here, and says which and why."""
    counts["skipped"] += 1
    print("skip", *what)


def end():
    """The last line, and exit status 1 if anything failed."""
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    sys.exit(counts["failed"] > 0)


def default_seed(n_bytes=4):
    """EVOKE_TEST_SEED, which tests/run.sh sets so that two runs test the same, or a fresh one."""
    return int(os.environ.get("EVOKE_TEST_SEED") or int.from_bytes(os.urandom(n_bytes), "little"))


def seed(n_bytes=4):
    """The second argument, or the default."""
    return int(sys.argv[2]) if len(sys.argv) > 2 else default_seed(n_bytes)


def program(*arguments):
    """A run of PROGRAM with its returncode, stdout and stderr as text. Bytes are passed as they are: a file's name may be any."""
    return subprocess.run([PROGRAM, *(a if isinstance(a, bytes) else str(a) for a in arguments)], capture_output=True, text=True)
