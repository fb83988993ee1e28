"""h2spec, all of its cases, against every way in which the data plane comes to speak HTTP/2."""
import os
import subprocess
import xml.etree.ElementTree as tree

import pytest
from support.adsd import Server
from support.site import Site

H2SPEC = os.environ.get("GW_PEERS", "") + "/h2spec"
CASES = 145
# What h2spec has wrong, where it is wrong.
PREFACE = ("http2/3.5.2", "Sends invalid connection preface")
EXPLAINED = {
    # The port speaks HTTP/1.1 as well, so what does not begin with HTTP/2's preface is HTTP/1.1: it is answered 400 in that language and the
    # connection closes. h2spec reads the answer as a frame with an absurd length and waits for the rest of it.
    "plain": {PREFACE},
    "tls": set(),
    "HTTP/2 only": set(),
}


def run(port, report, *args):
    done = subprocess.run([H2SPEC, "-h", "127.0.0.1", "-p", str(port), "-o", "5", "-j", report, *args], capture_output=True, text=True, timeout=200)
    cases = {}
    for suite in tree.parse(report).getroot().iter("testsuite"):
        for number, case in enumerate(suite.iter("testcase"), 1):
            problem = next((child for kind in ("failure", "error") for child in case.iter(kind)), None)
            skipped = case.find("skipped") is not None
            cases[f"{suite.get('package')}.{number}", case.get("classname")] = "skipped" if skipped else problem is not None and problem.text
    return done.stdout, cases


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    from conftest import Stage
    stage = Stage(tmp_path_factory.mktemp("h2spec"))
    backend = stage.backend()
    yield Site(stage, 'routes: [{path: "/**", service: s}]', f'services: {{s: {{instances: [{{url: "{backend.url}"}}]}}}}')
    stage.end()


def check(way, output, cases):
    assert len(cases) == CASES, output
    failed = {case for case, problem in cases.items() if problem}
    assert failed == EXPLAINED[way], output


@pytest.mark.parametrize("way", ["plain", "tls"])
def test_all_cases_pass(site, tmp_path, way):
    check(way, *run(site.port(way), tmp_path / "report.xml", *(["-t", "-k"] if way == "tls" else [])))


def test_all_cases_pass_where_the_listener_speaks_nothing_else(stage, tmp_path):
    """Only xDS can say so; there the case that h2spec has wrong elsewhere passes, too."""
    backend, server = stage.backend(), Server()
    try:
        server.serve("1", {"c": [f"127.0.0.1:{backend.port}"]}, [{"prefix": "/", "cluster": "c"}], codec="HTTP2")
        data = stage.data_plane(server.address)
        check("HTTP/2 only", *run(data.wait_until_ready("ingress"), tmp_path / "report.xml"))
    finally:
        server.stop()
