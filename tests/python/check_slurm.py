"""experiments/slurm under a real Slurm: one node, started here, with its own munge, key and ports. An array of two jobs, one warned and
one killed in the middle, both back in the queue, then the jobs that depend on them; and the same by MPI. The store is the undivided
run's. Skipped, with the reason, without root, slurm-wlm and munge. All that is started here ends with this process.

    python check_slurm.py PROGRAM"""
import json, os, shutil, signal, socket, subprocess, sys, tempfile, time
from hdf5_contents import contents
from checking import PROGRAM, check, end, skip

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
MODEL = os.path.join(ROOT, "tests", "golden", "gguf", "llama_q4_1", "model.gguf")
HOW = ["--span", "response", "-n", "36", "--temp", "1", "-b", "1", "-t", "1", "--isa", "ref"]         # made slow: some seconds on a core
daemons = []


def missing():
    if os.geteuid() != 0: return "only root can start Slurm"
    absent = [p for p in ("munged", "slurmctld", "slurmd", "sbatch", "setpriv") if not shutil.which(p, path=PATH)]
    return absent and f"there is no {', '.join(absent)} (slurm-wlm, munge)"


def free_ports(n):
    sockets = [socket.socket() for _ in range(n)]
    for s in sockets: s.bind(("", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets: s.close()
    return ports


def wait_for(condition, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition(): return True
        time.sleep(0.1)
    return False


def start(*command):
    """A daemon in the foreground, which the kernel ends should this process be killed."""
    log = open(os.path.join(HOME, f"{command[0]}.out"), "w")
    daemons.append(subprocess.Popen(["setpriv", "--pdeathsig", "TERM", *command], stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=ENV))


def stop():
    if len(daemons) == 3: call("scancel", "--signal=KILL", "--full", "--user=root")
    for sent in (signal.SIGTERM, signal.SIGKILL):
        for d in reversed(daemons):
            if d.poll() is None: d.send_signal(sent)
        wait_for(lambda: all(d.poll() is not None for d in daemons), 10)


def call(*command):
    try: return subprocess.run(command, capture_output=True, text=True, env=ENV, cwd=ROOT, timeout=60)
    except subprocess.TimeoutExpired: return subprocess.CompletedProcess(command, 124, "", "it took more than a minute")


def cluster():
    """False where it does not come up in half a minute. cred_expire: after so long a job that is back in the queue may start again."""
    name, (control, node) = socket.gethostname().split(".")[0], free_ports(2)
    for folder in ("state", "spool"): os.mkdir(os.path.join(HOME, folder))
    with open(os.path.join(HOME, "key"), "wb") as f: f.write(os.urandom(1024))
    os.chmod(f.name, 0o600)
    with open(ENV["SLURM_CONF"], "w") as f:
        f.write(f"""ClusterName=test
SlurmctldHost={name}(127.0.0.1)
SlurmctldPort={control}
SlurmdPort={node}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={HOME}/munge.socket,cred_expire=5
StateSaveLocation={HOME}/state
SlurmdSpoolDir={HOME}/spool
SlurmctldPidFile={HOME}/slurmctld.pid
SlurmdPidFile={HOME}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=1,sched_min_interval=100000,batch_sched_delay=0,bf_interval=1
KillWait=5
ReturnToService=2
NodeName={name} NodeAddr=127.0.0.1 CPUs={os.cpu_count()} State=UNKNOWN
PartitionName=main Nodes={name} Default=YES OverSubscribe=FORCE:4 State=UP
""")
    start("munged", "--foreground", "--force", f"--key-file={HOME}/key", f"--socket={HOME}/munge.socket", f"--pid-file={HOME}/munged.pid",
          f"--log-file={HOME}/munged.log", f"--seed-file={HOME}/seed")
    if not wait_for(lambda: os.path.exists(f"{HOME}/munge.socket"), 10): return False
    start("slurmctld", "-D")
    start("slurmd", "-D", "-N", name)
    return wait_for(lambda: "idle" in call("sinfo", "--noheader", "--format=%T").stdout, 30)


def state(job):
    return dict(pair.split("=", 1) for pair in call("scontrol", "--oneliner", "show", "job", job).stdout.split() if "=" in pair)


def restarted(folder, *jobs):
    back = wait_for(lambda: all(state(j).get("Restarts") == "1" and state(j)["JobState"] == "PENDING" for j in jobs), 40)
    check(back, "back in the queue", [state(j) for j in jobs], logs(folder))
    check("the same command continues" in logs(folder), "what was warned says so", logs(folder))
    return back


def chain(shape, folder, interrupt):
    os.mkdir(folder)
    r = call("experiments/slurm/chain.sh", shape, folder, MODEL, QUERIES, *HOW)
    jobs = r.stdout.split()
    check(len(jobs) == 2, shape, "chain.sh", r.stdout, r.stderr)
    if len(jobs) != 2: return
    if not interrupt(folder, jobs[0]): return call("scancel", *jobs)
    ended = lambda: state(jobs[1]).get("JobState") not in ("PENDING", "RUNNING", "COMPLETING", "CONFIGURING")
    check(wait_for(ended, 100) and state(jobs[1])["JobState"] == "COMPLETED", shape, "the chain's end", state(jobs[1]), logs(folder))
    for name in ("acts.h5", "ev.h5", "directions.h5", "theory.h5", "report.html"):
        check(os.path.exists(os.path.join(folder, name)), shape, "no", name)
    if os.path.exists(os.path.join(folder, "acts.h5")):
        got, want = contents(os.path.join(folder, "acts.h5")), contents(WHOLE)
        check(got == want, shape, "differs in", [k for k in want.keys() | got.keys() if want.get(k) != got.get(k)])


def logs(folder):
    return "".join(open(os.path.join(folder, f)).read()[-600:] for f in sorted(os.listdir(folder)) if f.endswith(".log"))


def stop_array(folder, array):
    """Task 1 is warned as before the end of its time, task 2 killed and put back."""
    paths = [os.path.join(folder, f"acts-{task}.h5") for task in (1, 2)]
    begun = wait_for(lambda: all(map(os.path.exists, paths)), 30)
    check(begun, "both tasks begin", logs(folder))
    if not begun: return False
    time.sleep(0.5)
    for command in (("scancel", "--signal=USR1", "--batch", f"{array}_1"), ("scontrol", "requeue", f"{array}_2")):
        r = call(*command)
        check(r.returncode == 0, command, r.stderr)
    return restarted(folder, f"{array}_1", f"{array}_2")


def stop_ranks(folder, job):
    shards = [os.path.join(folder, f"acts.h5.shard-{i}-of-2") for i in (1, 2)]
    begun = wait_for(lambda: all(map(os.path.exists, shards)), 30)
    check(begun, "both ranks begin", logs(folder))
    if not begun: return False
    time.sleep(0.5)
    call("scancel", "--signal=USR1", "--batch", job)
    return restarted(folder, job)


def main():
    if reason := missing(): return skip("Slurm:", reason)
    if not cluster():
        return skip("Slurm:", "it does not come up here: " + call("sh", "-c", f"tail -n 2 {HOME}/slurm*.out {HOME}/munged.out").stdout.replace("\n", " "))
    with open(QUERIES, "w") as f: json.dump({e: [f"{i} {e} then" for i in range(150)] for e in ("joy", "fear", "awe", "envy")}, f)
    r = call(PROGRAM, "extract", "-m", MODEL, "-d", QUERIES, "-o", WHOLE, "-q", *HOW)
    check(r.returncode == 0, "undivided", r.stderr)
    chain("2", os.path.join(HOME, "array"), stop_array)
    if shutil.which("mpirun") and b"libmpi" in subprocess.run(["ldd", PROGRAM], capture_output=True).stdout:
        chain("mpi:2", os.path.join(HOME, "ranks"), stop_ranks)
    else: skip("MPI under Slurm:", "there is no mpirun, or evoke is built without MPI")


PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
with tempfile.TemporaryDirectory() as HOME:
    ENV = {k: v for k, v in os.environ.items() if "SLURM" not in k} | {"PATH": PATH, "SLURM_CONF": f"{HOME}/slurm.conf", "EVOKE": PROGRAM, "OMPI_ALLOW_RUN_AS_ROOT": "1",
                                                                       "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    QUERIES, WHOLE = os.path.join(HOME, "q.json"), os.path.join(HOME, "whole.h5")
    try: main()
    finally: stop()
end()
