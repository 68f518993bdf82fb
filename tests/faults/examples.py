"""What lies in examples/, and the description of the server's interface, judged by the tools of their kind.

They come through pip into the user's cache, once. Where they cannot be had, the test is not run.
"""

import os
import pathlib
import subprocess
import sys

from store import REPOSITORY, NotRun, Outcome

FUZZER = "schemathesis==4.32.5"


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
