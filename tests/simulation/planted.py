#!/usr/bin/env python3
"""Shows that the simulator finds bugs: plants those of bugs.toml into a copy of the sources and looks who finds them.

One build has them all, each behind a switch that is read from the environment, so that it costs one compilation. The product's
own sources stay as they are. A bug whose original text is no longer there, or is there twice, fails. Arguments: parts
of names, to try some bugs alone. The last line is `N passed, M failed`.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
TARGET = os.path.abspath(os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target")))
COPY = os.path.join(TARGET, "planted", "sources")
WORLDS, STEPS = 1000, 400
SECONDS = 600  # Ends what hangs: how fast the machine is says nothing of a bug.
SWITCH = """
/// Whether this bug is switched on.
#[doc(hidden)]
pub fn planted(bug: u32) -> bool {
    static BUG: std::sync::OnceLock<u32> = std::sync::OnceLock::new();
    let read = || std::env::var("PLANTED").ok().and_then(|bug| bug.parse().ok()).unwrap_or(0);
    *BUG.get_or_init(read) == bug
}
"""


class Gone(Exception):
    pass


def copy_sources():
    shutil.rmtree(COPY, ignore_errors=True)
    for folder in ["src", "specs", "config", "tests/support", "tests/simulation"]:
        shutil.copytree(os.path.join(ROOT, folder), os.path.join(COPY, folder))
    os.makedirs(os.path.join(COPY, "benches"))
    for file in ["Cargo.lock", "README.md", "benches/simulation.rs"]:
        shutil.copy(os.path.join(ROOT, file), os.path.join(COPY, file))
    with open(os.path.join(ROOT, "Cargo.toml")) as file:
        manifest = file.read()
    # The library and the simulator alone: the program would take the place of the real one.
    parts = re.split(r"(?m)^(?=\[)", manifest)
    own = [part for part in parts if not part.startswith(("[[bench]]", "[[bin]]", "[[test]]"))]
    own.append('\n[[bench]]\nname = "simulation"\nharness = false\n')
    with open(os.path.join(COPY, "Cargo.toml"), "w") as file:
        file.write("".join(own).replace("[package]\n", "[package]\nautobins = false\nautotests = false\nautobenches = false\n", 1))
    os.remove(os.path.join(COPY, "src", "main.rs"))
    with open(os.path.join(COPY, "src", "lib.rs"), "a") as file:
        file.write(SWITCH)


def split(original):
    """The text, and the range of it that is replaced."""
    if "«" not in original:
        return original, 0, len(original)
    start, end = original.index("«"), original.index("»") - 1
    return original.replace("«", "").replace("»", ""), start, end


def switch(number, old, new):
    switched = f"if crate::planted({number}) {{ {new} }} else {{ {old} }}"
    return switched if old.rstrip().endswith(";") else f"({switched})"


def plant(bugs):
    """Plants all bugs of each file at once, from its end, and innermost first, so that no place moves before its turn."""
    for name in sorted({bug["file"] for bug in bugs}):
        path = os.path.join(COPY, name)
        with open(path) as file:
            source = file.read()
        places = []
        for bug in (bug for bug in bugs if bug["file"] == name):
            text, start, end = split(bug["original"])
            if source.count(text) != 1:
                bug["gone"] = f"its text stands {source.count(text)} times in {name}"
                continue
            at = source.index(text)
            places.append((at + start, at + end, bug))
        source = replace(source, 0, len(source), places)
        with open(path, "w") as file:
            file.write(source)


def replace(source, low, high, places):
    """The source from low to high with these places switched; one may lie within another."""
    out, at = "", low
    outer = [p for p in places if not any(q is not p and q[0] <= p[0] and p[1] <= q[1] for q in places)]
    for start, end, bug in sorted(outer, key=lambda place: place[0]):
        inner = [p for p in places if p[2] is not bug and start <= p[0] and p[1] <= end]
        old = replace(source, start, end, inner)
        out += source[at:start] + switch(bug["number"], old, bug["replacement"])
        at = end
    return out + source[at:high]


def build():
    # Optimised for the build's time: a bug needs few worlds.
    command = ["cargo", "build", "--release", "--locked", "--bench", "simulation", "--message-format", "json"]
    command += ["--config", "profile.release.package.authswitch.opt-level=1"]
    command += ["--config", "profile.release.package.authswitch.codegen-units=16"]
    environment = {**os.environ, "CARGO_TARGET_DIR": TARGET, "RUSTFLAGS": os.environ.get("RUSTFLAGS", "")}
    built = subprocess.run(command, stdout=subprocess.PIPE, text=True, cwd=COPY, env=environment)
    if built.returncode != 0:
        sys.exit("the planted sources do not compile\n0 passed, 1 failed")
    messages = [json.loads(line) for line in built.stdout.splitlines()]
    named = [m for m in messages if m.get("target", {}).get("name") == "simulation" and m.get("executable")]
    return named[-1]["executable"]


def find(program, number):
    """The judge and seed that find a bug, and the seconds it took."""
    command = [program, "--seeds", f"0..{WORLDS}", "--steps", str(STEPS), "--no-shrink"]
    began = time.monotonic()
    try:
        ran = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=SECONDS,
            env={**os.environ, "PLANTED": str(number)},
        )
        output = ran.stdout
    except subprocess.TimeoutExpired:
        output = ""
    judge, seed = re.search(r"(?m)^judge: (.*)$", output), re.search(r"(?m)^seed (\d+)", output)
    return judge and judge.group(1), seed and int(seed.group(1)), time.monotonic() - began


def main():
    with open(os.path.join(HERE, "bugs.toml"), "rb") as file:
        bugs = tomllib.load(file)["bug"]
    for number, bug in enumerate(bugs, 1):
        bug["number"] = number
    copy_sources()
    plant(bugs)
    began = time.monotonic()
    program = build()
    print(f"built with {len(bugs)} bugs in {time.monotonic() - began:.0f} s")
    passed = failed = 0
    judge, seed, seconds = find(program, 0)
    if judge is not None:
        print(f"without a bug: {judge} at seed {seed}")
        failed += 1
    chosen = [bug for bug in bugs if not sys.argv[1:] or any(part in bug["name"] for part in sys.argv[1:])]
    for bug in chosen:
        if "gone" in bug:
            judge, seed, seconds, word = bug["gone"], "", 0.0, "GONE"
        else:
            judge, seed, seconds = find(program, bug["number"])
            fits = judge is not None and judge.startswith(bug["judge"])
            word = "found" if fits else "OTHER JUDGE" if judge else "NOT FOUND"
        passed += word == "found"
        failed += word != "found"
        print(f"{word:11} {bug['name'][:66]:66}  {judge or '-':38} {seed if seed is not None else '-':>5} {seconds:6.1f} s", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
