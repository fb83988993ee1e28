#!/usr/bin/env python3
"""Checks the shape of the house: who includes whom, third-party fences, sizes, header openings, banned calls, words.

Prints each finding as FILE:LINE: what; exit code 1 when there is one.
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent
FILE_LINES_WALL = 700
HEADER_LINES_WALL = 200
FUNCTION_LINES_WALL = 80  # clang-tidy holds the finer limits; this one is for every run

BANNED = {
    r"\b(strcpy|strcat|sprintf|vsprintf|gets|strtok|atoi|atol|rand|srand|alloca)\s*\(": "unsafe or unclear; see common/base",
    r"\b(system|popen)\s*\(": "no shells",
    r"\b(usleep|nanosleep|sleep)\s*\(": "a loop never sleeps; use a timer",
    r"(?<![\w.>])(gettimeofday|clock_gettime|time)\s*\(": "time comes from common/base/clock.h",
    r"(?<![\w.>])(malloc|calloc|realloc|strdup|strndup|asprintf)\s*\(": "allocation that cannot fail is in common/base/mem.h",
}
# Where a banned call is at home.
ALLOWED = {
    "common/base/clock.c": ("clock_gettime",),
    "common/base/mem.c": ("malloc", "calloc", "realloc", "strdup", "strndup", "asprintf"),
    "common/base/arena.c": ("malloc",),
}
WORDS = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")


def tracked(*patterns):
    out = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns], cwd=ROOT, check=True,
                         capture_output=True, text=True).stdout
    return [ROOT / line for line in out.splitlines() if (ROOT / line).is_file()]


def read_table(name):
    table = {}
    for line in (HERE / name).read_text().splitlines():
        if line and not line.startswith("#"):
            key, _, value = line.partition(": ") if ": " in line else line.partition(":")
            table[key.strip()] = value.split()
    return table


class Findings(list):
    def add(self, path, line, what):
        self.append(f"{path.relative_to(ROOT)}:{line}: {what}")


def folder_of(path, layers):
    rel = path.relative_to(ROOT).as_posix()
    fitting = [folder for folder in layers if rel.startswith(folder + "/")]
    return max(fitting, key=len) if fitting else None


def may_include(layers, folder, other):
    if other == folder:
        return True
    allowed = layers[folder]
    return other in allowed or other.split("/")[0] in allowed


def check_includes(path, text, layers, fences, findings):
    folder = folder_of(path, layers)
    if folder is None:
        if path.name == "main.c" and path.parent.name in ("dataplane", "controlplane"):
            return
        findings.add(path, 1, "this folder is not in tests/lint/layers.txt")
        return
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r'\s*#\s*include\s+([<"])([^>"]+)[>"]', line)
        if not match:
            continue
        quoted, name = match.group(1) == '"', match.group(2)
        fenced = False
        for pattern, folders in fences.items():
            if pattern in name and not (quoted and (ROOT / name).exists()):
                fenced = True
                if folder not in folders:
                    findings.add(path, number, f"{name} may be included only in {', '.join(folders)}")
        if not quoted or fenced:
            continue
        other = folder_of(ROOT / name, layers)
        if other is None:
            if not (ROOT / name).exists():
                findings.add(path, number, f'"{name}": include from the repository\'s root, or with <> when it is not ours')
        elif not may_include(layers, folder, other):
            findings.add(path, number, f"{folder} may not include {other} (tests/lint/layers.txt)")


def without_comments_and_strings(text):
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
    return pattern.sub(lambda m: "\n" * m.group(0).count("\n") if m.group(0).startswith("/") else '""', text)


def check_calls(path, text, findings):
    rel = path.relative_to(ROOT).as_posix()
    code = without_comments_and_strings(text)
    for pattern, why in BANNED.items():
        for match in re.finditer(pattern, code):
            word = match.group(1)
            if word not in ALLOWED.get(rel, ()):
                findings.add(path, code.count("\n", 0, match.start()) + 1, f"{word}(): {why}")
    for match in re.finditer(r"^static (?!const\b|inline\b|_Thread_local const\b|_Noreturn\b|_Atomic\b)[^;{()=]*(=[^;]*)?;", code, re.M):
        line = match.group(0)
        if " const " not in line and "const *const" not in line and "* const" not in line and "*const" not in line:
            number = code.count("\n", 0, match.start()) + 1
            if "process-wide" not in "\n".join(text.splitlines()[max(0, number - 4) : number]):
                findings.add(path, number, "mutable file-scope variable (a comment just above that says why it is process-wide lets it pass)")


def check_functions(path, text, findings):
    start = None
    for number, line in enumerate(text.splitlines(), 1):
        if line == "}" and start is not None:
            if number - start > FUNCTION_LINES_WALL:
                findings.add(path, start, f"function of {number - start} lines; {FUNCTION_LINES_WALL} is the wall")
            start = None
        elif re.match(r"^[a-zA-Z_].*\)\s*\{$", line) or (line.endswith(") {") and line[:1] == " " and start is None):
            start = number


def check_header(path, text, findings):
    for word in ("Why:", "Life:", "Thread:"):
        if word not in text[:1500]:
            findings.add(path, 1, f"a header opens with Why, Life and Thread; {word[:-1]} is missing")
    guard = "GW_" + re.sub(r"[^A-Z0-9]", "_", path.relative_to(ROOT).as_posix().upper())
    if f"#ifndef {guard}\n#define {guard}\n" not in text:
        findings.add(path, 1, f"include guard {guard} is missing")
    if text.count("\n") > HEADER_LINES_WALL:
        findings.add(path, 1, f"{text.count(chr(10))} lines; a header wants 150, {HEADER_LINES_WALL} is the wall")


def check_cmake(layers, findings):
    """What CMake links is what the table allows."""
    path = ROOT / "cmake/Folders.cmake"
    text = re.sub(r"#[^\n]*", "", path.read_text())
    variables = {name: value.split() for name, value in re.findall(r"set\((\w+)\s+([^)]*)\)", text)}
    for body in re.findall(r"gw_folder\(([^)]*)\)", text):
        words = body.split()
        folder, links, inside = words[0], [], False
        for word in words[1:]:
            if word in ("THIRD_PARTY", "ALSO"):
                inside = False
            elif word == "LINK":
                inside = True
            elif inside:
                match = re.match(r"\$\{(\w+)\}", word)
                links += variables[match.group(1)] if match else [word]
        if folder not in layers:
            findings.add(path, 1, f"{folder} is not in tests/lint/layers.txt")
            continue
        for other in links:
            if not may_include(layers, folder, other):
                findings.add(path, 1, f"{folder} links {other}, which tests/lint/layers.txt does not allow")


def main():
    findings = Findings()
    layers, fences = read_table("layers.txt"), read_table("fences.txt")
    sources = tracked("common/*.c", "common/*.h", "dataplane/*.c", "dataplane/*.h", "controlplane/*.c", "controlplane/*.h")
    for path in sources:
        text = path.read_text()
        lines = text.count("\n")
        if lines > FILE_LINES_WALL:
            findings.add(path, 1, f"{lines} lines; {FILE_LINES_WALL} is the wall")
        check_includes(path, text, layers, fences, findings)
        check_calls(path, text, findings)
        check_functions(path, text, findings)
        if path.suffix == ".h":
            check_header(path, text, findings)
    for path in tracked("*.c", "*.h", "*.py", "*.sh", "*.cmake", "*.proto", "*.yaml", "*.md"):
        if path == pathlib.Path(__file__).resolve():
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if WORDS.search(line):
                findings.add(path, number, "a promise in place of the thing")
    check_cmake(layers, findings)
    print("\n".join(findings) if findings else f"{len(sources)} sources: nothing to say")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
