"""Runs what documents tell their readers to type: blocks fenced as `console`, in order, in one shell, in a copy of the tree
(and those of README.md's first chapter on a Debian that has nothing, by tests/conformance/test_newcomer.py).

A line that begins with `$ ` is a command (with a backslash at its end, or <<'WORD' in it, it goes on); the lines below it are found in what it says, in
any order, one after the other not needed; `exit code N` is its exit code, 0 where nothing is said. `console (REASON)` is not run: REASONS has
all that count.
"""
import dataclasses
import os
import re
import shutil
import subprocess
import time

from support import gateway
from support.gateway import ROOT

REASONS = {
    "fetch": "it needs the network, or is there already",
    "long": "it takes many minutes, and other tests run it",
    "docker": "no container engine can run here",
    "kubernetes": "no cluster can run here",
    "registry": "it needs a Consul, a Nacos or a database of one's own",
    "cloud": "it needs an account",
    "fleet": "it is for several machines",
    "machine": "it installs into the machine; other tests do it in a root of its own",
    "stranger": "it needs a program of others",
}
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
# What stands at the beginning of a line that is a command.
PROGRAMS = re.compile(r"^(?:\$ )?(?:sudo )?(?:\S*/)?(?:gatewayctl|gateway-controlplane|gateway-dataplane|curl|grpcurl|docker|kubectl|helm|cmake|git|"
                      r"quickstart\.sh|run\.sh|ctest|python3?|openssl) ")
PATIENCE_S = 20


@dataclasses.dataclass
class Command:
    line: int
    text: str
    wanted: list
    exit_code: int = 0


@dataclasses.dataclass
class Block:
    line: int
    info: str
    lines: list


def blocks_of(text):
    """Fenced blocks, and indented ones under the info "indented"."""
    found, fence, indent = [], None, ""
    for number, line in enumerate(text.splitlines(), 1):
        mark = re.fullmatch(r"( {0,3})```(.*)", line)  # indented, where it belongs to an item of a list
        if mark:
            if fence is None:
                fence, indent = Block(number, mark[2].strip(), []), mark[1]
                found.append(fence)
            else:
                fence = None
        elif fence is not None:
            fence.lines.append(line.removeprefix(indent))
        elif re.match(r" {4}\S", line) and not re.match(r" {4,}[-*0-9]", line):
            if not found or found[-1].info != "indented" or found[-1].line + len(found[-1].lines) != number:
                found.append(Block(number, "indented", []))
            found[-1].lines.append(line[4:])
    return found


def chapter_of(path, title):
    """The blocks of the document below that heading, up to the next."""
    text = path.read_text()
    lines = text.splitlines()
    first = lines.index(f"## {title}") + 1
    last = next(number for number, line in enumerate(lines[first:], first + 1) if line.startswith("## "))
    return [block for block in blocks_of(text) if first < block.line < last]


def reason_of(block):
    """Why a console block is not run, or None: it is."""
    return (re.fullmatch(r"console \((.*)\)", block.info) or [None, None])[1]


def commands_of(block):
    found, here_end = [], None  # of a here-document: the line that ends it
    for number, line in enumerate(block.lines, block.line + 1):
        if here_end is not None or (found and found[-1].text.endswith("\\")):
            found[-1].text += "\n" + line
            here_end = None if line == here_end else here_end
        elif line.startswith("$ "):
            found.append(Command(number, line[2:], []))
            here_end = (re.search(r"<<'(\w+)'", line) or [None, None])[1]
        else:
            assert found, f"line {number}: what is said before the first command"
            exit_code = re.fullmatch(r"exit code (\d+)", line)
            if exit_code:
                found[-1].exit_code = int(exit_code[1])
            elif line.strip():
                found[-1].wanted.append(line.strip())
    assert here_end is None, f"line {block.line}: no line says {here_end}"
    return found


class Network:
    """Loopback of one's own, where the quickstart's ports are free whatever else runs on this machine; the machine's, where that is not allowed."""

    def __init__(self):
        self.holder = subprocess.Popen(["unshare", "--net", "sh", "-c", "ip link set lo up && echo up && exec cat"], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.is_own = self.holder.stdout.readline().strip() == "up"

    def command(self, *words):
        return ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net", *words] if self.is_own else list(words)

    def close(self):
        self.holder.stdin.close()
        self.holder.wait()


def copy_tree(folder):
    """What git knows of the tree, with the release programs in build/bin."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    (folder / "build/bin").mkdir(parents=True)
    for name in ("gateway-controlplane", "gateway-dataplane", "gatewayctl"):
        shutil.copy2(gateway.BUILD / "bin" / name, folder / "build/bin" / name)


class Reader:
    """Who types what a document says, into one shell."""

    def __init__(self, shell, **where):
        self.shell = subprocess.Popen(shell, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **where)
        self.count = 0

    @classmethod
    def in_copy(cls, folder, network):
        """In what copy_tree() made."""
        clean = {key: value for key, value in os.environ.items() if key in ("PATH", "LANG", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS")}
        return cls(network.command("bash"), cwd=folder, env={**clean, "HOME": str(folder / "home"), "QUICKSTART_BUILD": "no", "TERM": "dumb"})

    def type(self, text):
        """(what it says, exit code)"""
        self.count += 1
        mark = f"--- typed {self.count}: "
        self.shell.stdin.write(f"{text}\nprintf '\\n{mark}%s\\n' $?\n")
        self.shell.stdin.flush()
        said = []
        for line in self.shell.stdout:
            if line.startswith(mark):
                return "".join(said), int(line[len(mark):])
            said.append(line)
        raise AssertionError(f"the shell ended:\n{''.join(said)}")

    def follow(self, command):
        """What it says when it is typed; what only looks is typed again until it says what it should, since a change takes a moment."""
        end = time.monotonic() + PATIENCE_S
        only_looks = re.match(r"(\S*/)?(curl|gatewayctl (status|get|explain|why|history|top|node))\b", command.text) and ">" not in command.text
        while True:
            said, exit_code = self.type(command.text)
            missing = [words for words in command.wanted if words not in said]
            if not missing and exit_code == command.exit_code:
                return said
            if not only_looks or time.monotonic() > end:
                raise AssertionError(f"line {command.line}: {command.text}\nexit code {exit_code}, not said: {missing}\n{said}")
            time.sleep(0.05)

    def close(self):
        self.shell.stdin.close()
        self.shell.wait()
