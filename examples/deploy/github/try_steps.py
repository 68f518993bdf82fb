"""Runs the shell steps of ragctl.yml as a runner would, in a scratch store: try_steps.py WORKFLOW RAGCTL

What GitHub does itself (checkout, the comment, artifacts, approval) is left out.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

import yaml

WORKFLOW = yaml.safe_load(pathlib.Path(sys.argv[1]).read_text())
RAGCTL = pathlib.Path(sys.argv[2])
MODEL = pathlib.Path(__file__).resolve().parents[3] / "fixtures/model/tiny-bert"


def run(job, home, event):
    """Runs a job's steps up to the first that fails; gives its name, or None, with the job's summary and outputs."""
    outputs, summary = {}, home / "summary.md"
    summary.write_text("")
    known = {"github.event.number": "12", "github.run_number": "7", "github.run_attempt": "1"}

    def filled(text):
        def value(match):
            words = match[1].strip()
            if step := re.fullmatch(r"steps\.build\.outputs\.(\w+)", words):
                return outputs[step[1]]
            return event if words.startswith("inputs.reason") else known[words]

        return re.sub(r"\$\{\{(.+?)\}\}", value, text)

    for step in WORKFLOW["jobs"][job]["steps"]:
        if "run" not in step:
            continue
        # The one condition that is about values: whether there is anything to compare.
        if "outputs.live" in step.get("if", "") and outputs["live"] in ("none", outputs["version"]):
            continue
        out = home / "outputs"
        out.write_text("")
        environment = {
            **os.environ,
            **WORKFLOW["env"],
            **{name: filled(str(text)) for name, text in step.get("env", {}).items()},
            "PATH": f"{home / 'bin'}:{os.environ['PATH']}",
            "RAGCTL_STORE": str(home / "store"),
            "GITHUB_ACTIONS": "true",
            "GITHUB_OUTPUT": str(out),
            "GITHUB_STEP_SUMMARY": str(summary),
        }
        # As GitHub starts bash where a workflow names it.
        shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        done = subprocess.run(shell, cwd=home, env=environment, capture_output=True, text=True)
        outputs.update(line.split("=", 1) for line in out.read_text().splitlines())
        if done.returncode:
            print(f"{job}: `{step['name']}` ended with {done.returncode}: {done.stderr.strip()}")
            return step["name"], summary.read_text(), outputs
    return None, summary.read_text(), outputs


def expect(holds, what):
    if not holds:
        sys.exit(f"not so: {what}")
    print(f"so it is: {what}")


with tempfile.TemporaryDirectory() as scratch:
    home = pathlib.Path(scratch)
    (home / "bin").mkdir()
    (home / "bin/ragctl").symlink_to(RAGCTL)
    (home / "docs").mkdir()
    (home / "ragctl.toml").write_text(
        f'store = "store"\n[[source]]\nid = "docs"\npath = "docs"\n[model]\npath = "{MODEL}"\n'
    )
    ragctl = lambda *words: subprocess.run([RAGCTL, "--offline", "-q", *words], cwd=home, check=True, capture_output=True)
    ragctl("init")
    topics = ("apples", "bread", "cider", "dates", "eggs")
    for topic in topics:
        (home / f"docs/{topic}.md").write_text(f"# {topic}\n\nAll that there is to say about {topic}.\n")

    failed, summary, outputs = run("preview", home, "pull_request")
    expect(failed is None and "first release" in summary, "the first pull request has nothing to compare with")
    expect("-pr12.7.1" in outputs["version"], "it builds a pre-release")
    failed, summary, outputs = run("release", home, "push")
    expect(failed is None and outputs["live"] == "none", "the first release goes through")
    expect("-" not in outputs["version"], "under a final name")
    first = outputs["version"]

    failed, summary, outputs = run("release", home, "schedule")
    expect(failed is None and outputs["version"] == outputs["live"] == first, "unchanged documents give no version")

    (home / "docs/figs.md").write_text("# figs\n\nAll that there is to say about figs.\n")
    failed, summary, outputs = run("preview", home, "pull_request")
    expect(failed is None and "figs.md" in summary, "the summary of a pull request names what it adds")
    tried = outputs["version"]
    failed, summary, outputs = run("release", home, "push")
    expect(failed is None and outputs["version"] == tried.split("-")[0], "its release is that pre-release, promoted")
    expect("figs.md" in summary and f"before it {first}" in summary, "and the summary tells what came")
    second = outputs["version"]

    for topic in topics[1:]:
        (home / f"docs/{topic}.md").unlink()
    failed, summary, outputs = run("preview", home, "pull_request")
    expect(failed == "Compare it with what is live", "a pull request that removes most documents fails")
    expect("shrink" in (home / "diff.md").read_text(), "with a comment that says why")
    failed, summary, outputs = run("release", home, "push")
    expect(failed in ("Verify", "Compare with what is live"), "and so does its release")
    live = subprocess.run([RAGCTL, "resolve", "-o", "name"], cwd=home, capture_output=True, text=True).stdout.strip()
    expect(live == second, "which leaves live what was live")
