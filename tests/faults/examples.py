"""What lies in examples/, and the description of the server's interface, judged by the tools of their kind.

They come through pip into the user's cache, once. Where they cannot be had, the test is not run.
"""

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import time

from store import REPOSITORY, NotRun, Outcome

FUZZER = "schemathesis==4.32.5"
MODEL = REPOSITORY / "fixtures/model/tiny-bert"


def cache():
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.environ.get("HOME", "/"), ".cache")
    return pathlib.Path(home, "ragctl", "checks")


def run(words, limit, **environment):
    """Runs a tool with the caller's environment, which says where packages come from."""
    ran = subprocess.run(words, env={**os.environ, **environment}, capture_output=True, errors="replace", timeout=limit)
    return ran.returncode, ran.stdout + ran.stderr


def tail(text, lines=25):
    return "\n".join(text.splitlines()[-lines:])


def need_packages():
    """Stops the test where pip brings nothing."""
    code, _ = run([sys.executable, "-m", "pip", "index", "versions", "six"], 60)
    if code != 0:
        raise NotRun("pip reaches no package index")


def t85(lab):
    """the Python reader and the LangChain retriever follow flips, under threads, asyncio and gunicorn"""
    need_packages()
    outcome = Outcome()
    script = str(REPOSITORY / "examples/python/check.sh")
    code, said = run(["sh", script, str(cache() / "python-reader")], 900, RAGCTL_BIN=lab.ragctl)
    passed = [word for line in said.splitlines() for word in [line.split(" passed")[0].split()[-1:]] if " passed" in line]
    outcome.visited = outcome.injected = int(passed[-1][0]) if passed else 0
    if code != 0:
        outcome.add([tail(said)], "check.sh")
    return outcome


def t86(lab):
    """the files of examples/deploy are what their tools accept"""
    need_packages()
    outcome = Outcome()
    script = str(REPOSITORY / "examples/deploy/check.sh")
    code, said = run(["bash", script, str(cache() / "deploy")], 900, RAGCTL=lab.ragctl)
    outcome.notes = [line for line in said.splitlines() if "passed" in line and "failed" in line][-1:]
    outcome.visited = outcome.injected = said.count("\n")
    if code != 0:
        outcome.add([tail(said)], "check.sh")
    return outcome


def t87(lab):
    """requests drawn from the server's own description get answers that it describes, and none breaks it"""
    need_packages()
    outcome = Outcome()
    venv = cache() / "fuzzer"
    tool = venv / "bin" / "schemathesis"
    if not tool.exists():
        code, said = run([sys.executable, "-m", "venv", str(venv)], 300)
        if code == 0:
            code, said = run([str(venv / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", FUZZER], 600)
        if code != 0:
            raise NotRun(f"{FUZZER} cannot be installed: {tail(said, 1)}")
    place = lab.copy(lab.template())
    server = subprocess.Popen(lab.command(["serve", "-o", "name", "-q", "--listen", "127.0.0.1:0"], place), env=lab.environment(), cwd="/",
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        url = server.stdout.readline().strip()
        # What a description cannot say, such as that a text must not be blank, is left out.
        words = [str(tool), "run", f"{url}/openapi.json", "--checks", "all", "--exclude-checks", "positive_data_acceptance",
                 "--seed", str(lab.seed % (1 << 31)), "--max-examples", str(lab.pick(25, 400))]
        code, said = run(words, 1200)
        drawn = [line for line in said.splitlines() if "generated" in line]
        outcome.visited = outcome.injected = int(drawn[-1].split()[0]) if drawn else 0
        if code != 0:
            outcome.add([tail(said, 60)], "schemathesis")
        if server.poll() is not None:
            outcome.add([f"the server ended with {server.returncode}"])
    finally:
        server.terminate()
        server.wait()
    return outcome


def t88(lab):
    """from a build machine by way of a remote to running servers: each step of the script holds, and nothing stays behind"""
    lab.need("bash", "curl", "jq", "pgrep")
    outcome = Outcome()
    # Once to its end, and once stopped in the middle.
    for stop_after in (None, lab.rng("t88").randrange(1, 12)):
        scratch, log = lab.new_dir("way"), pathlib.Path(lab.new_dir("said"), "log")
        # The program under test is `ragctl` in the laboratory's directory.
        own = {"PATH": f"{lab.work}:{os.environ['PATH']}", "TMPDIR": scratch, "RAGCTL_MODEL_PATH": str(MODEL)}
        with log.open("w") as output:
            script = subprocess.Popen(["bash", str(REPOSITORY / "examples/deploy/ci_to_servers.sh")], env=lab.environment(own), cwd="/",
                                      stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)
        stopped, deadline = False, time.monotonic() + 120
        while script.poll() is None and time.monotonic() < deadline:
            if stop_after and not stopped and log.read_text().count("so it is: ") >= stop_after:
                script.terminate()
                stopped = True
            time.sleep(0.05)
        left = subprocess.run(["pgrep", "--session", str(script.pid), "--list-full"], capture_output=True, text=True).stdout
        with contextlib.suppress(ProcessLookupError):
            os.killpg(script.pid, signal.SIGKILL)
        code, said = script.wait(), log.read_text(errors="replace")
        outcome.visited += said.count("so it is: ")
        outcome.injected += said.count("so it is: ") + stopped
        expected = 128 + signal.SIGTERM if stop_after else 0
        if code != expected:
            outcome.add([tail(said)], f"ended with {code} instead of {expected}")
        outcome.add([f"still runs: {line}" for line in left.splitlines()])
        outcome.add([f"still lies there: {name}" for name in os.listdir(scratch)])
    return outcome
