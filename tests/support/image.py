"""Does what a Dockerfile says, without a container engine: its steps in folders that are Debian 12 roots, by chroot; then its ENTRYPOINT as process 1
with processes and network of its own, a read-only root, its volumes in memory, and its user. As much of the format as this project's files use:
FROM, WORKDIR, COPY [--from], RUN, ENV, USER, VOLUME, EXPOSE, HEALTHCHECK, ENTRYPOINT. It stands for `docker build` and `docker run --read-only`;
what it can't show is an engine's own network and limits."""
import fnmatch
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess

from .gateway import ROOT, Program, wait_until

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def instructions(text):
    """(word, rest) of each; continuation lines are joined, comments left out."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for line in re.sub(r"\\\n\s*", " ", "\n".join(lines)).splitlines():
        if line.strip():
            word, _, rest = line.strip().partition(" ")
            yield word, rest.strip()


def context_files():
    """What `COPY . .` takes: the last line of .dockerignore that matches a path, or a folder above it, decides."""
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    tracked = subprocess.run(["git", "-C", ROOT, "ls-files", "--cached", "--others", "--exclude-standard"], capture_output=True, text=True, check=True)

    def is_taken(path):
        parents = [path, *map(str, pathlib.PurePath(path).parents)]
        taken = True
        for rule in rules:
            pattern = rule.lstrip("!").removeprefix("**/")
            if any(fnmatch.fnmatch(name, pattern) or (rule.lstrip("!").startswith("**/") and pathlib.PurePath(name).name == pattern) for name in parents):
                taken = rule.startswith("!")
        return taken

    return [path for path in tracked.stdout.splitlines() if is_taken(path) and (ROOT / path).is_file()]


def run_inside(root, command, env=None):
    """As root; the way to the package registries is passed on, as docker build does it."""
    variables = [f"{name}={value}" for name, value in {**(env or {}), "DEBIAN_FRONTEND": "noninteractive"}.items()]
    done = subprocess.run([ROOT / "tests/support/in_root.sh", root, "env", *variables, "/bin/sh", "-c", command], capture_output=True, text=True, timeout=3600)
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"


class Stage:
    def __init__(self, root):
        self.root, self.env, self.folder, self.user, self.volumes = root, {"PATH": PATH}, "/", "0:0", []
        self.entrypoint, self.healthcheck, self.ports = [], [], []

    def inside(self, path):
        return self.root / str(path).lstrip("/")

    def run(self, command):
        run_inside(self.root, f"cd {shlex.quote(self.folder)} && {command}", self.env)

    def copy(self, words, stages):
        source_root, names = ROOT, None
        if words[0].startswith("--from="):
            source_root = stages[words.pop(0).removeprefix("--from=")].root
        else:
            names = context_files()
        *sources, target = words
        into = self.inside(os.path.join(self.folder, target))
        for source in sources:
            place = source_root / source.lstrip("/")
            if place.is_dir():
                files = ([name for name in names if pathlib.Path(ROOT / name).is_relative_to(place)] if names is not None else
                         [str(path.relative_to(source_root)) for path in place.rglob("*") if path.is_file()])
                assert files, f"COPY {source}: nothing there"
                for name in files:
                    put(source_root / name, into / os.path.relpath(source_root / name, place))
            else:
                assert names is None or source in names, f"COPY {source}: .dockerignore keeps it out"
                put(place, into / place.name if target.endswith(("/", ".")) or len(sources) > 1 else into)


def put(source, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)
    os.chown(target, 0, 0)


class Builder:
    """Keeps each stage by its text, as an engine's cache does."""

    def __init__(self, folder):
        self.folder, self.kept, self.count = folder, {}, 0

    def new_root(self):
        self.count += 1
        base, root = self.folder / "base", self.folder / f"root-{self.count}"
        if not base.exists():
            subprocess.run([ROOT / "tests/support/debian_root.sh", base], check=True, timeout=600)
        subprocess.run(["cp", "-a", base, root], check=True)
        return root

    def build(self, dockerfile):
        """The last stage."""
        stages, order = {}, []
        for word, rest in instructions((ROOT / dockerfile).read_text()):
            if word == "FROM":
                image, _, name = rest.partition(" AS ")
                assert image == "debian:bookworm-slim", image
                order.append([name or "", []])
            else:
                order[-1][1].append((word, rest))
        for name, steps in order:
            key = json.dumps(steps)
            if key not in self.kept:
                self.kept[key] = self.do(steps, stages)
            stages[name] = self.kept[key]
        return stages[order[-1][0]]

    def do(self, steps, stages):
        stage = Stage(self.new_root())
        for word, rest in steps:
            if word == "RUN":
                stage.run(rest)
            elif word == "COPY":
                stage.copy(rest.split(), stages)
            elif word == "WORKDIR":
                stage.folder = rest
                stage.inside(rest).mkdir(parents=True, exist_ok=True)
            elif word == "ENV":
                stage.env.update(item.split("=", 1) for item in shlex.split(rest))
            elif word == "USER":
                stage.user = rest
            elif word == "VOLUME":
                stage.volumes.append(rest)
            elif word == "EXPOSE":
                stage.ports += map(int, rest.split())
            elif word == "HEALTHCHECK":
                stage.healthcheck = json.loads(rest.partition("CMD ")[2])
            elif word == "ENTRYPOINT":
                stage.entrypoint = json.loads(rest)
            else:
                raise AssertionError(f"{word}: not known here")
        return stage


# $0 root, $1 user, $2 folder, $3 volumes, then the command. An engine's volume has the owner and mode that its folder has in the image.
START = """
root=$0 user=$1 folder=$2 volumes=$3; shift 3
ip link set lo up
mount --bind "$root" "$root"
for volume in $volumes; do
  owner=$(stat -c uid=%u,gid=%g,mode=%a "$root$volume") && mount -t tmpfs -o "$owner" volume "$root$volume"
done
mount -t tmpfs -o mode=1777 dev "$root/dev" && for node in null zero urandom random; do
  touch "$root/dev/$node" && mount --bind "/dev/$node" "$root/dev/$node"
done
mount -o remount,ro,bind "$root"
mount -t proc proc "$root/proc"
exec chroot --userspec="$user" --groups= "$root" /usr/bin/env --chdir="$folder" "$@"
"""


class Container:
    """A stage's ENTRYPOINT with `args` behind it, and `env` over its own."""

    def __init__(self, folder, name, stage, env=None, args=()):
        self.stage = stage
        self.program = Program(folder, name, ["unshare", "--net", "--pid", "--mount", "--fork", "--kill-child", "sh", "-euc", START, stage.root, stage.user,
                                              stage.folder, " ".join(stage.volumes), *stage.entrypoint, *args], {**stage.env, **(env or {})})
        self.env = {**stage.env, **(env or {})}

    def first(self):
        """Process 1, by its number outside."""
        def told():
            assert self.program.is_running(), self.program.log()
            return pathlib.Path(f"/proc/{self.program.pid}/task/{self.program.pid}/children").read_text().split()

        return int(wait_until(told, "process 1")[0])

    def curl(self, port, path="/"):
        return subprocess.run(["nsenter", f"--net=/proc/{self.first()}/ns/net", "curl", "-sS", "-m", "20", "-w", "%{http_code}",
                               f"http://127.0.0.1:{port}{path}"], capture_output=True, text=True, timeout=60).stdout

    def exec(self, *argv):
        """In the running container, as its user: what HEALTHCHECK does."""
        return subprocess.run(["nsenter", f"--target={self.first()}", "--mount", "--net", "--pid", "chroot", "--userspec", self.stage.user, "--groups=",
                               self.stage.root, *argv], capture_output=True, text=True, timeout=60, env=self.env)

    def is_healthy(self):
        return self.exec(*self.stage.healthcheck).returncode == 0

    def signal(self, number):
        os.kill(self.first(), number)

    def stop(self):
        if self.program.is_running():
            self.signal(9)
            self.program.wait()
