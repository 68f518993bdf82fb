"""Runs the shell steps of the workflows here as a runner would, with the tiny model of the tests: try_steps.py RAGCTL WHAT

WHAT is `store` for ragctl.yml and a scratch store, or `remote` for push.yml and rollback.yml, and a directory as the remote.
What GitHub and other people's actions do (checkout, the role, the comment, artifacts, approval) is left out.
"""

import collections
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import yaml

HERE = pathlib.Path(__file__).resolve().parent
RAGCTL = pathlib.Path(sys.argv[1]).resolve()
MODEL = HERE.parents[2] / "fixtures/model/tiny-bert"
SOURCE = f'store = "store"\n[[source]]\nid = "docs"\npath = "docs"\n[model]\npath = "{MODEL}"\n'
TOPICS = ("apples", "bread", "cider", "dates", "eggs")

Ran = collections.namedtuple("Ran", "failed summary outputs said")


def run(name, job, home, known):
    """Runs a job's steps up to the first that fails. `known` are the values of expressions."""
    workflow = yaml.safe_load((HERE / name).read_text())
    outputs, summary, added, said = {}, home / "summary.md", home / "path", ""
    for file in (summary, added):
        file.write_text("")

    def value(words):
        # Of `a || b` the tests give the first.
        words = words.split(" || ")[0].strip()
        if words.startswith("'"):
            return words.strip("'")
        step = re.fullmatch(r"steps\.\w+\.outputs\.(\w+)", words)
        return outputs[step[1]] if step else known[words]

    def filled(variables):
        return {name: re.sub(r"\$\{\{(.+?)\}\}", lambda found: value(found[1]), str(text)) for name, text in variables.items()}

    for step in workflow["jobs"][job]["steps"]:
        # The only conditions about values are that some differ.
        differ = re.findall(r"(\S+) != (\S+)", step.get("if", ""))
        if "run" not in step or any(value(one) == value(other) for one, other in differ):
            continue
        out = home / "outputs"
        out.write_text("")
        environment = {
            **os.environ,
            **filled(workflow.get("env", {})),
            **filled(workflow["jobs"][job].get("env", {})),
            **filled(step.get("env", {})),
            "PATH": ":".join([*added.read_text().split(), str(home / "bin"), os.environ["PATH"]]),
            "RAGCTL_STORE": str(home / "store"),
            "GITHUB_ACTIONS": "true",
            "GITHUB_OUTPUT": str(out),
            "GITHUB_PATH": str(added),
            "GITHUB_STEP_SUMMARY": str(summary),
            "RUNNER_TEMP": str(home / "temp"),
        }
        # As GitHub starts bash where a workflow names it.
        shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        done = subprocess.run(shell, cwd=home, env=environment, capture_output=True, text=True)
        said += done.stdout + done.stderr
        outputs.update(line.split("=", 1) for line in out.read_text().splitlines())
        if done.returncode:
            print(f"{job}: `{step['name']}` ended with {done.returncode}: {done.stderr.strip()}")
            return Ran(step["name"], summary.read_text(), outputs, said)
    return Ran(None, summary.read_text(), outputs, said)


def expect(holds, what):
    if not holds:
        sys.exit(f"not so: {what}")
    print(f"so it is: {what}")


def write(docs, *topics):
    docs.mkdir(exist_ok=True)
    for topic in topics:
        (docs / f"{topic}.md").write_text(f"# {topic}\n\nAll that there is to say about {topic}.\n")


def try_store(home):
    (home / "bin").mkdir()
    (home / "bin/ragctl").symlink_to(RAGCTL)
    (home / "ragctl.toml").write_text(SOURCE)
    write(home / "docs", *TOPICS)
    subprocess.run([RAGCTL, "--offline", "-q", "init"], cwd=home, check=True, capture_output=True)

    def job(name, event):
        known = {"github.event.number": "12", "github.run_number": "7", "github.run_attempt": "1", "inputs.reason": event}
        return run("ragctl.yml", name, home, known)

    ran = job("preview", "pull_request")
    expect(ran.failed is None and "first release" in ran.summary, "the first pull request has nothing to compare with")
    expect("-pr12.7.1" in ran.outputs["version"], "it builds a pre-release")
    ran = job("release", "push")
    expect(ran.failed is None and ran.outputs["live"] == "none", "the first release goes through")
    expect("-" not in ran.outputs["version"], "under a final name")
    first = ran.outputs["version"]

    ran = job("release", "schedule")
    expect(ran.failed is None and ran.outputs["version"] == ran.outputs["live"] == first, "unchanged documents give no version")

    write(home / "docs", "figs")
    ran = job("preview", "pull_request")
    expect(ran.failed is None and "figs.md" in ran.summary, "the summary of a pull request names what it adds")
    tried = ran.outputs["version"]
    ran = job("release", "push")
    expect(ran.failed is None and ran.outputs["version"] == tried.split("-")[0], "its release is that pre-release, promoted")
    expect("figs.md" in ran.summary and f"before it {first}" in ran.summary, "and the summary tells what came")
    second = ran.outputs["version"]

    for topic in TOPICS[1:]:
        (home / f"docs/{topic}.md").unlink()
    ran = job("preview", "pull_request")
    expect(ran.failed == "Compare it with what is live", "a pull request that removes most documents fails")
    expect("shrink" in (home / "diff.md").read_text(), "with a comment that says why")
    ran = job("release", "push")
    expect(ran.failed in ("Verify", "Compare with what is live"), "and so does its release")
    live = subprocess.run([RAGCTL, "resolve", "-o", "name"], cwd=home, capture_output=True, text=True).stdout.strip()
    expect(live == second, "which leaves live what was live")


def try_remote(scratch):
    subprocess.run([RAGCTL, "sign", "--new-key", scratch / "release.key"], check=True, capture_output=True)
    docs, remote = scratch / "docs", scratch / "remote"
    write(docs, *TOPICS)

    def job(file, name, given):
        """On a machine that holds a checkout and nothing else."""
        home = scratch / "runner"
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(docs, home / "docs")
        shutil.copy(scratch / "release.key.pub", home / "release.pub")
        signing = '[signing]\nname = "handbook"\ntrusted = ["release.pub"]\n'
        (home / "ragctl.toml").write_text(f'{SOURCE}[remote.origin]\nurl = "{remote}"\n{signing}')
        known = {
            "vars.RAGCTL_URL": RAGCTL.as_uri(),
            "vars.RAGCTL_SHA256": hashlib.sha256(RAGCTL.read_bytes()).hexdigest(),
            "secrets.RAGCTL_SIGNING_KEY": (scratch / "release.key").read_text(),
            "secrets.RAGCTL_SIGNING_PASSWORD": "",
            "github.event_name": "push",
            "github.sha": "0" * 40,
            **given,
        }
        return run(file, name, home, known)

    def push(tag):
        return job("push.yml", "push", {"github.ref_name": tag})

    def live():
        pointer = json.loads((remote / "current.json").read_text())
        return pointer["version"], pointer["generation"]

    ran = push("v1.0.0")
    expect(ran.failed is None and "before it none" in ran.summary, "the first tag is pushed to an empty remote")
    expect(live() == ("v1.0.0", 1), "and is live there")

    write(docs, "figs")
    ran = push("v1.1.0")
    expect(ran.failed is None and "figs.md" in ran.summary, "the summary of the next names what it adds")
    expect("1 chunks embedded" in ran.said, "on a new machine only that is embedded")
    expect(live() == ("v1.1.0", 2), "and it is live")

    ran = push("v1.1.0")
    expect(ran.failed is None and live() == ("v1.1.0", 2), "the same tag once more changes nothing")

    ran = job("rollback.yml", "rollback", {"inputs.to": "", "inputs.reason": "figs"})
    expect(ran.failed is None and live() == ("v1.0.0", 3), "a rollback goes back to the release before")
    expect("v1.0.0" in ran.summary, "and says so")
    ran = job("rollback.yml", "rollback", {"inputs.to": "v1.1.0", "inputs.reason": "no, it was not the figs"})
    expect(ran.failed is None and live() == ("v1.1.0", 4), "or to the one that is named")

    for topic in TOPICS[1:]:
        (docs / f"{topic}.md").unlink()
    ran = push("v1.2.0")
    expect(ran.failed in ("Verify", "Push"), "a tag that lacks most documents fails")
    expect(live() == ("v1.1.0", 4), "which leaves live what was live")


with tempfile.TemporaryDirectory() as made:
    {"store": try_store, "remote": try_remote}[sys.argv[2]](pathlib.Path(made))
