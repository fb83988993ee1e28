"""The Dockerfiles' steps in clean Debian 12 roots, and what comes of them, run as an engine would with a read-only root. A build from nothing without
ccache takes minutes: only in tests/run.sh full."""
import pathlib
import shutil
import tempfile

import pytest

from support import namespaces
from support.gateway import ROOT, wait_until
from support.image import Builder, Container
from support.pki import Pki

pytestmark = [pytest.mark.full, pytest.mark.timeout(3600),
              pytest.mark.skipif(not namespaces.are_there() or shutil.which("debootstrap") is None, reason="needs root, namespaces and debootstrap")]


@pytest.fixture(scope="module")
def builder():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="gateway-images-"))
    folder.chmod(0o755)  # the images' user walks through it
    yield Builder(folder)
    shutil.rmtree(folder)


@pytest.fixture
def start(tmp_path):
    made = []

    def run(*args, **kw):
        made.append(Container(tmp_path, f"container-{len(made)}", *args, **kw))
        return made[-1]

    yield run
    for one in made:
        one.stop()


def production_settings():
    """As docker run --env-file .env.prod reads it."""
    lines = (ROOT / ".env.prod").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def test_the_origins_commands_build_and_run_both_planes_on_port_8000(builder, start):
    image = builder.build("Dockerfile")
    assert image.user == "65532:65532" and image.ports == [8000]
    container = start(image, env=production_settings())
    wait_until(lambda: container.curl(8000, "/ready").endswith("200"), "the gateway to be ready", seconds=60, interval=0.2)
    assert container.curl(8000, "/health").endswith("200")
    assert container.curl(8000, "/demo").endswith("503"), "routed; its demo service is not in the container"
    assert container.is_healthy()
    assert container.exec("/bin/sh", "-c", "touch /etc/gateway/x").returncode != 0, "the root is read-only"
    told = container.exec("/usr/bin/gatewayctl", "status")
    assert told.returncode == 0 and "SYNCED" in told.stdout, told.stdout + told.stderr
    container.signal(15)
    assert container.program.wait() == 0 and "drained" in container.program.log()


def test_images_hold_no_compiler_and_no_source(builder):
    root = builder.build("Dockerfile").root
    for name in ("usr/bin/gcc", "usr/bin/cmake", "src", "usr/include/event2"):
        assert not (root / name).exists(), name


def test_the_data_planes_image_waits_for_its_control_plane_and_drains_without_a_shell(builder, start):
    image = builder.build("deploy/docker/dataplane.Dockerfile")
    assert image.entrypoint == ["/usr/bin/gateway-dataplane"] and image.user == "65532:65532"
    for shell in ("sh", "bash", "dash"):
        for folder in ("bin", "usr/bin"):
            (image.root / folder / shell).unlink(missing_ok=True)
    container = start(image, env={"GATEWAY_XDS": "127.0.0.1:1", "GATEWAY_DRAIN_DELAY": "1s"})
    wait_until(lambda: container.curl(9903, "/health").endswith("200"), "the status port", seconds=60, interval=0.2)
    assert container.curl(9903, "/ready").endswith("503")
    container.signal(15)
    assert container.program.wait() == 0 and "drained" in container.program.log()


def test_the_control_planes_image_serves_by_the_options_behind_its_name(builder, start, tmp_path):
    image = builder.build("deploy/docker/controlplane.Dockerfile")
    Pki(tmp_path / "pki").control_plane()
    inside = image.inside("/pki")
    inside.mkdir()
    for name in ("ca.crt", "control-plane.crt", "control-plane.key"):
        shutil.copy(tmp_path / "pki" / name, inside / name)
        shutil.chown(inside / name, 65532, 65532)
    container = start(image, args=["--xds-listen=0.0.0.0:18000", "--xds-tls-ca=/pki/ca.crt", "--xds-tls-cert=/pki/control-plane.crt",
                                   "--xds-tls-key=/pki/control-plane.key"])
    wait_until(lambda: container.curl(18002, "/ready").endswith("200"), "the control plane to be ready", seconds=60, interval=0.2)
    assert container.is_healthy()
    assert "demo-service" in container.exec("/usr/bin/gatewayctl", "get", "services").stdout
    container.signal(15)
    assert container.program.wait() == 0
