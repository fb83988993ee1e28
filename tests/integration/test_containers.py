"""Images, compose file, and the two planes that one container runs; no container engine is needed. tests/conformance/test_images.py builds them."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sysconfig

import pytest
import yaml

from support import gateway, namespaces
from support.gateway import ROOT, Program, wait_until

LIBRARIES = sysconfig.get_config_var("MULTIARCH")
SCRIPTS = pathlib.Path(sysconfig.get_path("scripts"))
DOCKERFILES = ("Dockerfile", "deploy/docker/controlplane.Dockerfile", "deploy/docker/dataplane.Dockerfile")
COMPOSE = ROOT / "deploy/compose"


@pytest.mark.parametrize("name", DOCKERFILES)
def test_hadolint_has_nothing_to_say(name):
    done = subprocess.run([SCRIPTS / "hadolint", ROOT / name], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and not done.stdout, done.stdout + done.stderr


def test_all_images_share_one_build():
    """Else an engine's cache would not serve the second and third."""
    stages = {(ROOT / name).read_text().split("AS build\n")[1].split("\n\n")[0] for name in DOCKERFILES}
    assert len(stages) == 1


def packages_of(program):
    """The Debian packages of the libraries that it names."""
    needed = re.findall(r"NEEDED +(\S+)", subprocess.run(["objdump", "-p", program], capture_output=True, text=True, check=True).stdout)
    found = subprocess.run(["dpkg", "-S", *(f"*/{LIBRARIES}/{name}" for name in needed)], capture_output=True, text=True, check=True).stdout
    return {line.split(":")[0] for line in found.splitlines()} - {"libc6"}


@pytest.mark.parametrize("name", DOCKERFILES)
def test_image_has_the_libraries_of_its_programs_and_no_other(name, release_build):
    final = (ROOT / name).read_text().rpartition("\nFROM ")[2]
    installed = set(final.split("--no-install-recommends")[1].split("&&")[0].replace("\\", "").split()) - {"ca-certificates", "tini"}
    programs = re.findall(r"/out/usr/bin/(\S*)", final)
    programs = [word for word in programs if word] or ["gateway-controlplane", "gateway-dataplane", "gatewayctl"]
    assert installed == set().union(*(packages_of(gateway.BUILD / "bin" / program) for program in programs))


def test_no_settings_file_gets_into_an_image():
    words = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in words and not [word for word in words if word.startswith("!.") or word == "!"]


def test_compose_file_is_valid_and_its_files_are_there():
    done = subprocess.run([SCRIPTS / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", COMPOSE / "docker-compose.yaml"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout
    compose = yaml.safe_load((COMPOSE / "docker-compose.yaml").read_text())
    for name, service in compose["services"].items():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert (COMPOSE / source).exists() if source.startswith(".") else source in compose["volumes"], f"{name}: {volume}"
        if "build" in service:
            assert (COMPOSE / service["build"]["context"] / service["build"]["dockerfile"]).is_file(), name
        assert set(service.get("depends_on", ())) <= set(compose["services"]), name


def test_composes_grafana_finds_its_sources_and_the_dashboard():
    services = yaml.safe_load((COMPOSE / "docker-compose.yaml").read_text())["services"]
    sources = yaml.safe_load((COMPOSE / "grafana/datasources.yaml").read_text())["datasources"]
    assert {source["url"].split("/")[2].split(":")[0] for source in sources} <= set(services)
    default, = [source for source in sources if source.get("isDefault")]
    scraped = yaml.safe_load((COMPOSE / "prometheus.yaml").read_text())["global"]["scrape_interval"]
    assert default["type"] == "prometheus" and default["jsonData"]["timeInterval"] == scraped, "what the dashboard's rates are made of"
    folder, = [provider["options"]["path"] for provider in yaml.safe_load((COMPOSE / "grafana/dashboards.yaml").read_text())["providers"]]
    mounted = {volume.split(":")[1] for volume in services["grafana"]["volumes"]}
    home = services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home in mounted and os.path.dirname(home) == folder


def test_compose_asks_for_each_password_and_has_none():
    text = (COMPOSE / "docker-compose.yaml").read_text()
    asked = set(re.findall(r"\$\{(\w+):\?", text))
    given = {line.split("=")[0]: line.split("=")[1] for line in (COMPOSE / ".env.example").read_text().splitlines() if "=" in line}
    assert asked == set(given) and not any(given.values())


def test_compose_configuration_is_valid_with_the_settings_of_its_control_plane():
    service = yaml.safe_load((COMPOSE / "docker-compose.yaml").read_text())["services"]["controlplane"]
    settings = {name: "of-the-test-and-of-32-characters-x" if value.startswith("${") else value for name, value in service["environment"].items()}
    done = gateway.ctl("validate", "--strict", "--routes", COMPOSE / "config/routes.yaml", "--services", COMPOSE / "config/services.yaml", env=settings)
    assert done.returncode == 0, done.stdout + done.stderr


def test_compose_gives_the_drain_the_time_it_needs():
    service = yaml.safe_load((COMPOSE / "docker-compose.yaml").read_text())["services"]["dataplane"]
    told = subprocess.run([gateway.BUILD / "bin/gateway-dataplane", "--help"], capture_output=True, text=True, check=True).stdout
    assert int(service["stop_grace_period"].rstrip("s")) > sum(int(s) for s in re.findall(r"--drain-\w+ DURATION .*\((\d+)s\)", told))


class Container:
    """What one container of the root image runs, as process 1 of its own processes and network, with the fixed ports of the image."""

    def __init__(self, folder, services="services: {}", routes="routes: [{path: /hello, respond: {status: 200, body: hello}}]", env_file=".env.prod"):
        config = folder / "config"
        config.mkdir()
        (folder / "state/gateway").mkdir(parents=True)
        (config / "routes.yaml").write_text(routes)
        (config / "services.yaml").write_text(services)
        settings = dict(line.split("=", 1) for line in (ROOT / env_file).read_text().splitlines() if "=" in line and not line.startswith("#"))
        env = {**settings, **image_environment(), "XDG_STATE_HOME": str(folder / "state"), "PATH": f"{gateway.BUILD}/bin:{os.environ['PATH']}"}
        self.program = Program(folder, "container", [
            "unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c",
            f"ip link set lo up && cd {config} && exec tini -- {ROOT}/deploy/docker/both-planes.sh"], env)

    def first(self):
        """Process 1, by its number outside; unshare passes no signals on."""
        told = pathlib.Path(f"/proc/{self.program.pid}/task/{self.program.pid}/children").read_text().split()
        return int(told[0]) if told else None

    def processes(self):
        """The numbers outside of the programs in it, by name."""
        found, names = {}, wait_until(self.first, "process 1")
        queue = [names]
        while queue:
            pid = queue.pop()
            try:
                found[pathlib.Path(f"/proc/{pid}/comm").read_text().strip()] = pid
                for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
                    queue += map(int, (task / "children").read_text().split())
            except FileNotFoundError:
                continue  # it has ended meanwhile
        return found

    def curl(self, path, *args):
        return subprocess.run(["nsenter", f"--net=/proc/{self.first()}/ns/net", "curl", "-sS", "-m", "20", *args, "-w", "%{http_code}",
                               f"http://127.0.0.1:8000{path}"], capture_output=True, text=True, timeout=60)

    def wait_until_ready(self):
        def ready():
            assert self.program.is_running(), self.program.log()
            return self.first() and self.curl("/ready").stdout.endswith("200")

        wait_until(ready, "the container to be ready", seconds=60, interval=0.1)

    def signal(self, number):
        os.kill(self.first(), number)

    def stop(self):
        """Its namespace's process 1 ends all that is in it."""
        if self.program.is_running():
            os.kill(self.first() or self.program.pid, 9)
            self.program.wait()


def image_environment():
    """ENV of the root Dockerfile."""
    lines = re.findall(r"(?m)^ENV (.+)$", (ROOT / "Dockerfile").read_text())
    return dict(word.split("=", 1) for line in lines for word in line.split())


@pytest.fixture
def container(tmp_path):
    made = []

    def make(**kw):
        made.append(Container(tmp_path, **kw))
        return made[-1]

    yield make
    for one in made:
        one.stop()


needs_namespaces = pytest.mark.skipif(not namespaces.are_there() or shutil.which("tini") is None, reason="needs root, namespaces and tini")


@needs_namespaces
def test_both_planes_answer_on_port_8000_with_the_production_settings(container):
    made = container()
    made.wait_until_ready()
    assert made.curl("/hello").stdout == "hello200"
    assert made.curl("/health").stdout.endswith("200")
    access = [line for line in made.program.output().splitlines() if "/hello" in line]
    assert json.loads(access[0])["path"] == "/hello", "the access log is JSON on standard output"


@needs_namespaces
def test_sigterm_lets_open_requests_end_and_leaves_no_process(container, stage):
    made = container(routes="routes: [{path: '/slow/{rest=**}', service: slow}]", services="services: {slow: {instances: [{url: 'http://127.0.0.1:9101'}]}}")
    made.wait_until_ready()
    slow = Program(made.program.folder, "backend", ["nsenter", f"--net=/proc/{made.first()}/ns/net", "python3", "-c", SLOW_BACKEND])
    try:
        wait_until(lambda: made.curl("/slow/0").stdout == "done200", "the backend", interval=0.1)
        asked = subprocess.Popen(["nsenter", f"--net=/proc/{made.first()}/ns/net", "curl", "-sS", "-w", "%{http_code}", "http://127.0.0.1:8000/slow/2"],
                                 stdout=subprocess.PIPE, text=True)
        wait_until(lambda: "asked for 2" in slow.output(), "the slow request")
        made.signal(15)
        assert asked.communicate(timeout=60)[0] == "done200"
        assert made.program.wait() == 0
        assert "draining" in made.program.log() and "drained" in made.program.log() and "stopping" in made.program.log()
    finally:
        slow.stop()


SLOW_BACKEND = """
import http.server, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        seconds = int(self.path.rpartition("/")[2])
        print("asked for", seconds, flush=True)
        time.sleep(seconds)
        self.send_response(200); self.send_header("Content-Length", "4"); self.end_headers(); self.wfile.write(b"done")
    def log_message(self, *args): pass
http.server.ThreadingHTTPServer(("127.0.0.1", 9101), Handler).serve_forever()
"""


@needs_namespaces
@pytest.mark.parametrize("victim", ["gateway-control", "gateway-datapla"])
def test_container_ends_with_an_error_when_either_plane_dies(container, victim):
    made = container()
    made.wait_until_ready()
    os.kill(made.processes()[victim], 9)
    assert made.program.wait() == 137


@needs_namespaces
def test_container_says_what_is_wrong_with_its_configuration_and_ends_with_65(container):
    made = container(routes="routes: [{path: /x, srvice: y}]")
    assert made.program.wait() == 65
    assert "routes.yaml:1:" in made.program.log()


@needs_namespaces
def test_sighup_reloads_both_planes(container):
    made = container()
    made.wait_until_ready()
    made.signal(1)
    wait_until(lambda: made.program.log().count("SIGHUP") == 2, "both to read again")
    assert made.curl("/hello").stdout == "hello200"
