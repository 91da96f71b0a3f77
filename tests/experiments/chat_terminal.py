"""A chat under a pseudo-terminal: Ctrl-C stops the answer and not the program; editing, history, Ctrl-D.

    chat_terminal.py EVOKE MODEL VECTORS FOLDER [plain]     MODEL must be able to talk on and on; prints what failed
plain: a build without line editing."""
import json
import os
import pty
import select
import signal
import sys
import time

evoke, model, vectors, folder = sys.argv[1:5]
editing = sys.argv[5:] != ["plain"]
PATIENCE = 200          # seconds; a busy machine is no failure
failed = []


class Terminal:
    def __init__(self, *options):
        env = dict(os.environ, XDG_STATE_HOME=folder, TERM="xterm", LC_ALL="C.UTF-8", HOME=folder)
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execve(evoke, ["evoke", "chat", "-m", model, "-t", "1", *options], env)
        self.seen = b""

    def until(self, text, what):
        """Reads up to and with `text`."""
        end = time.monotonic() + PATIENCE
        while text not in self.seen:
            if not select.select([self.fd], [], [], max(0, end - time.monotonic()))[0]:
                self.give_up(f"{what}: no {text!r} after {self.seen[-300:]!r}")
            try:
                more = os.read(self.fd, 65536)
            except OSError:
                more = b""
            if not more:
                self.give_up(f"{what}: it ended, no {text!r} after {self.seen[-300:]!r}")
            self.seen += more
        before, _, self.seen = self.seen.partition(text)
        return before

    def give_up(self, why):
        os.kill(self.pid, signal.SIGKILL)
        sys.exit(why)

    def more_than(self, n, what):
        while len(self.seen) < n:
            if not select.select([self.fd], [], [], PATIENCE)[0]:
                self.give_up(f"{what}: {self.seen!r}")
            self.seen += os.read(self.fd, 65536)

    def type(self, keys):
        os.write(self.fd, keys)

    def status(self, keys=b""):
        """Exit status; keys: typed until it ends, as what comes before the editor reads is not always heard."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if keys:
                self.type(keys)
            try:
                while select.select([self.fd], [], [], 1)[0] and os.read(self.fd, 65536):
                    pass
            except OSError:
                return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        self.give_up(f"it does not end after {keys!r}")


def check(what, good):
    if not good:
        failed.append(what)


t = Terminal("--ev", vectors, "--ignore-eos", "-n", "60000", "-c", "70000", "--temp", "1")
t.until(b"> ", "the first prompt")
t.type(b"/joy 2\n")
t.until(b"[joy=2] > ", "a strength in the prompt")
t.type(b"Hello\n")
t.until(b"Hello", "the echo")
t.more_than(200, "an answer")
t.type(b"\x03\x03")     # an impatient user
t.until(b"the answer was stopped", "Ctrl-C")
t.until(b"| joy=2] > ", "the prompt with the emotion mix")
t.type(b"abc\x03")
t.until(b"Ctrl-D or /quit ends", "Ctrl-C at the prompt")
t.until(b"> ", "the prompt after it")
t.type(b"/save a.json\n")
t.until(b"2 messages saved (a.json)", "/save")
t.until(b"> ", "the prompt after /save")
if editing:
    t.type(b"/sve\x1b[D\x1b[Da\x05 b.json\n")       # two to the left, the missing letter, to the end
    t.until(b"2 messages saved (b.json)", "an edited line")
    t.until(b"> ", "the prompt after an edited line")
check("Ctrl-D ends with 0", t.status(b"\x04") == 0)
with open(f"{folder}/a.json", encoding="utf-8") as f:
    saved = json.load(f)
check("the conversation is saved", [m["role"] for m in saved["messages"]] == ["user", "assistant"])
answer = saved["messages"][1]
check("the answer is partial", answer["stop"] == "interrupted" and 0 < len(answer["ids"]) < 60000)
check("with its mix", set(answer["mix"]) == {"joy", "fear"})

if editing:
    check("the history is kept", "/save" in open(f"{folder}/evoke/chat_history", encoding="utf-8").read())
    check("and is nobody else's", os.stat(f"{folder}/evoke/chat_history").st_mode & 0o077 == 0)
t = Terminal()
t.until(b"> ", "the prompt of another run")
if editing:
    t.type(b"\x1b[A")
    t.until(b"/save b.json", "a line of an earlier run")
os.kill(t.pid, signal.SIGTERM)
check("SIGTERM ends with 130", t.status() == 130)
for line in failed:
    print(line)
sys.exit(1 if failed else 0)
