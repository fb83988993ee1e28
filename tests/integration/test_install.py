"""What `cmake --install` puts where, and that it works from there: programs, man pages, completion, systemd units."""
import os
import re
import signal
import subprocess

import pytest

from support import gateway

PROGRAMS = {"gateway-controlplane": 8, "gateway-dataplane": 8, "gatewayctl": 1}
UNITS = ("gateway-controlplane.service", "gateway-dataplane.service")
EXPOSURE_MOST = 20  # of 100; systemd-analyze security says "OK" below 50


def run(*argv, **kw):
    done = subprocess.run([str(word) for word in argv], capture_output=True, text=True, timeout=120, **kw)
    assert done.returncode == 0, f"{argv}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prefix")
    run("cmake", "--install", gateway.BUILD, "--prefix", folder)
    return folder


def test_both_planes_run_from_where_they_are_installed(prefix, stage, monkeypatch):
    monkeypatch.setattr(gateway, "BUILD", prefix)
    shipped = prefix / "share/gateway"
    services = (shipped / "services.yaml").read_text()
    for port in ("9101", "9102"):
        services = services.replace(port, str(stage.backend().port))
    _, _, port = stage.both((shipped / "routes.yaml").read_text(), services)
    assert gateway.get(port, "/demo").status == 200


def test_destdir_goes_before_the_prefix_and_not_into_the_files(tmp_path):
    run("cmake", "--install", gateway.BUILD, "--prefix", "/usr", env={**os.environ, "DESTDIR": str(tmp_path)})
    assert (tmp_path / "usr/bin/gatewayctl").exists()
    unit = (tmp_path / "usr/lib/systemd/system/gateway-dataplane.service").read_text()
    assert "ExecStart=/usr/bin/gateway-dataplane\n" in unit and str(tmp_path) not in unit
    assert sorted(path.name for path in tmp_path.iterdir()) == ["usr"], "etc is the operators'"


def test_everything_that_was_promised_is_there(prefix):
    for path in ("share/doc/gateway/LICENSE", "share/gateway/routes.yaml", "share/gateway/schema/routes.schema.json",
                 "share/gateway/examples/origin/routes.yaml", "lib/sysusers.d/gateway.conf"):
        assert (prefix / path).is_file(), path


def options_of(text):
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text))


def helps(prefix, program):
    binary = prefix / "bin" / program
    text = run(binary, "--help")
    if program == "gatewayctl":
        text += "".join(run(binary, verb, "--help") for verb in re.findall(r"(?m)^  ([a-z][a-z-]*)  ", text))
    return text


@pytest.mark.parametrize("program, section", PROGRAMS.items())
def test_man_page_has_each_option_of_help_and_no_other(prefix, program, section):
    page = prefix / f"share/man/man{section}/{program}.{section}"
    shown = run("man", "--warnings", "-l", page, env={**os.environ, "MANWIDTH": "1000", "MAN_KEEP_FORMATTING": "", "LC_ALL": "C.UTF-8"})
    heads = "\n".join(re.findall(r"\.TP\n\.B (.+)", page.read_text().replace("\\-", "-")))
    assert options_of(heads) == options_of(helps(prefix, program))
    for line in re.findall(r"(?m)^  --\S+(?: [A-Z]\S*)?  +(.+)$", run(prefix / "bin" / program, "--help")):
        assert line.split(" (")[0] in re.sub(r"\s+", " ", shown), line


@pytest.mark.parametrize("program, section", PROGRAMS.items())
def test_man_page_has_no_warnings(prefix, program, section):
    page = prefix / f"share/man/man{section}/{program}.{section}"
    done = subprocess.run(["man", "--warnings", "-l", page], capture_output=True, text=True, timeout=60, env={**os.environ, "LC_ALL": "C.UTF-8"})
    assert done.returncode == 0 and not done.stderr, done.stderr


def test_completion_completes_verbs_in_bash(prefix):
    file = prefix / "share/bash-completion/completions/gatewayctl"
    script = f"source {file}; COMP_WORDS=(gatewayctl val); COMP_CWORD=1; _gatewayctl; echo ${{COMPREPLY[*]}}"
    assert run("bash", "-c", script).split() == ["validate"]


@pytest.mark.parametrize("unit", UNITS)
def test_unit_is_valid(prefix, unit):
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", prefix / "lib/systemd/system" / unit], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and unit not in done.stderr, done.stderr


@pytest.mark.parametrize("unit", UNITS)
def test_unit_is_hardened(prefix, unit):
    run("systemd-analyze", "security", "--no-pager", "--offline=yes", f"--threshold={EXPOSURE_MOST}", prefix / "lib/systemd/system" / unit)


def test_unit_gives_the_drain_the_time_it_needs(prefix):
    unit = (prefix / "lib/systemd/system/gateway-dataplane.service").read_text()
    defaults = dict(re.findall(r"--(drain-\w+) DURATION .*\((\d+)s\)", run(prefix / "bin/gateway-dataplane", "--help")))
    stop = int(re.search(r"(?m)^TimeoutStopSec=(\d+)s$", unit)[1])
    assert stop > int(defaults["drain-delay"]) + int(defaults["drain-time"])


@pytest.mark.parametrize("program", PROGRAMS)
def test_sysusers_has_the_users_of_the_units(prefix, program):
    unit = prefix / f"lib/systemd/system/{program}.service"
    if unit.exists():
        user = re.search(r"(?m)^User=(\S+)$", unit.read_text())[1]
        assert f"\nu {user} - " in (prefix / "lib/sysusers.d/gateway.conf").read_text()


def system_calls(group):
    """Of one of systemd's named groups, those that it includes, too."""
    calls = set()
    for word in run("systemd-analyze", "syscall-filter", group).split("\n")[1:]:
        word = word.strip()
        if word.startswith("@"):
            calls |= system_calls(word)
        elif word and not word.startswith("#"):
            calls.add(word)
    return calls


def test_units_allow_each_system_call_that_is_made(stage, release_build, monkeypatch, tmp_path):
    """Both planes from start over a request, a scrape and a reload to the end; a call on a rare way may be missed."""
    real, traced = gateway.BUILD / "bin", tmp_path / "traced"
    (traced / "bin").mkdir(parents=True)
    programs = ("gateway-controlplane", "gateway-dataplane")
    for name in programs:
        wrapper = traced / "bin" / name
        wrapper.write_text(f'#!/bin/sh\nexec strace -D -f -q -o {traced}/{name} {real}/{name} "$@"\n')
        wrapper.chmod(0o755)
    monkeypatch.setattr(gateway, "BUILD", traced)
    backend = stage.backend()
    control, data, port = stage.both("routes: [{path: /x, service: s}]", f"services: {{s: {{instances: [{{url: 'http://127.0.0.1:{backend.port}'}}]}}}}")
    assert gateway.get(port, "/x").status == 200 and data.status("/metrics").status == 200 and control.http("/metrics").status == 200
    for program in (control, data):
        program.process.send_signal(signal.SIGHUP)
        gateway.wait_until(lambda: "SIGHUP" in program.log(), "a reload")
        assert program.stop() == 0
    allowed = system_calls("@system-service") - system_calls("@privileged")
    for name in programs:
        gateway.wait_until(lambda: "+++ exited with 0 +++" in (traced / name).read_text(), "the end of the trace")
        made = set(re.findall(r"(?m)^\d+ +([a-z]\w*)\(", (traced / name).read_text()))
        made.discard("fchown")  # SQLite's for files that root makes; the units are not root's
        assert "execve" in made and made - allowed == set(), name
