"""The plain manifests: Kubernetes' own schemas, Pod Security's restricted profile, what our programs say to what they are told there. The chart by
helm, kubeconform and a real API server: test_kubernetes_chart.py."""
import hashlib
import os
import pathlib
import re
import subprocess

import kubernetes_validate
import pytest
import yaml

from support import gateway
from support.gateway import ROOT

KUBERNETES = ROOT / "deploy/kubernetes"
MANIFEST = KUBERNETES / "manifests/gateway.yaml"
DOCUMENTS = [document for document in yaml.safe_load_all(MANIFEST.read_text()) if document]


def find(kind, name):
    return next(d for d in DOCUMENTS if d["kind"] == kind and d["metadata"]["name"] == name)


def pod_templates():
    for document in DOCUMENTS:
        spec = document.get("spec", {})
        spec = spec.get("jobTemplate", {}).get("spec", spec)
        if "template" in spec:
            yield f"{document['kind']}/{document['metadata']['name']}", spec["template"]["spec"]


def container_of(plane):
    return find("Deployment", f"gateway-{plane}")["spec"]["template"]["spec"]["containers"][0]


def test_manifest_is_of_the_chart_as_it_is_now():
    """render.sh leaves a digest of the chart's files in the first lines, so that a stale manifest shows where there is no helm."""
    told = subprocess.run([KUBERNETES / "render.sh", "--digest"], capture_output=True, text=True, check=True).stdout.strip()
    assert f"# Chart: {told}\n" in MANIFEST.read_text()[:500], "run deploy/kubernetes/render.sh"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: f"{d['kind']}/{d['metadata']['name']}")
def test_manifest_is_valid_by_the_strict_schema(document):
    kubernetes_validate.validate(document, "1.37", strict=True)


def test_a_wrong_key_is_found_by_the_schema():
    wrong = yaml.safe_load(yaml.safe_dump(find("Deployment", "gateway-dataplane")))
    wrong["spec"]["template"]["spec"]["terminationGracePeriod"] = 40
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, "1.37", strict=True)


@pytest.mark.parametrize("name, pod", list(pod_templates()), ids=lambda value: value if isinstance(value, str) else "")
def test_pod_is_of_the_restricted_profile(name, pod):
    security = pod["securityContext"]
    assert security["runAsNonRoot"] is True and security["runAsUser"] > 0 and security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["enableServiceLinks"] is False, "a Service of the name gateway would be settings"
    for container in pod.get("initContainers", []) + pod["containers"]:
        assert container["securityContext"] == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
        assert container["resources"]["requests"] and container["resources"]["limits"]["memory"]


def test_both_planes_have_no_token_of_the_api_server():
    for plane in ("controlplane", "dataplane"):
        assert find("Deployment", f"gateway-{plane}")["spec"]["template"]["spec"]["automountServiceAccountToken"] is False
        assert find("ServiceAccount", f"gateway-{plane}")["automountServiceAccountToken"] is False


def test_data_planes_roll_without_a_gap_and_have_the_time_to_drain():
    spec = find("Deployment", "gateway-dataplane")["spec"]
    env = {item["name"]: item.get("value") for item in container_of("dataplane")["env"]}
    drain_s = sum(int(env[name].rstrip("s")) for name in ("GATEWAY_DRAIN_DELAY", "GATEWAY_DRAIN_TIME"))
    assert spec["template"]["spec"]["terminationGracePeriodSeconds"] > drain_s
    assert spec["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert "replicas" not in spec, "the autoscaler says how many"
    probe = container_of("dataplane")["readinessProbe"]
    assert int(env["GATEWAY_DRAIN_DELAY"].rstrip("s")) > probe["periodSeconds"] * probe["failureThreshold"], "/ready is seen to fail before the end"
    assert find("PodDisruptionBudget", "gateway-dataplane")["spec"]["maxUnavailable"]
    assert find("HorizontalPodAutoscaler", "gateway-dataplane")["spec"]["scaleTargetRef"]["name"] == "gateway-dataplane"


@pytest.mark.parametrize("plane", ["controlplane", "dataplane"])
def test_probes_ask_for_what_the_status_port_answers(plane):
    container = container_of(plane)
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports["status"] == {"controlplane": 18002, "dataplane": 9903}[plane]
    assert container["readinessProbe"]["httpGet"] == {"path": "/ready", "port": "status"}
    assert container["livenessProbe"]["httpGet"] == {"path": "/health", "port": "status"}, "who drains or waits is alive"


def test_options_and_variables_are_those_of_the_programs():
    known = {plane: subprocess.run([gateway.BUILD / f"bin/gateway-{plane}", "--help"], capture_output=True, text=True, check=True).stdout
             for plane in ("controlplane", "dataplane")}
    for word in container_of("controlplane")["args"]:
        assert f"{word.split('=')[0]} " in known["controlplane"], word
    for item in container_of("dataplane")["env"]:
        flag = "--" + item["name"].removeprefix("GATEWAY_").lower().replace("_", "-")
        assert f"{flag} " in known["dataplane"], item


def test_network_policies_let_data_planes_to_the_control_plane_and_nobody_else():
    policy = find("NetworkPolicy", "gateway-controlplane")["spec"]
    xds = [rule for rule in policy["ingress"] if {"port": "xds", "protocol": "TCP"} in rule["ports"]]
    assert len(xds) == 1
    selector = xds[0]["from"][0]["podSelector"]["matchLabels"]
    assert selector.items() <= find("Deployment", "gateway-dataplane")["spec"]["template"]["metadata"]["labels"].items()


def test_shipped_configuration_is_valid(tmp_path):
    for name, text in find("ConfigMap", "gateway-config")["data"].items():
        (tmp_path / name).write_text(text)
    gateway.ctl("validate", "--strict", "--routes", tmp_path / "routes.yaml", "--services", tmp_path / "services.yaml", check=0)


def run_pki_script(folder):
    """The init container's script, with folders of the test in place of its mounts."""
    (folder / "pki").mkdir(parents=True)
    script = find("Job", "gateway-pki")["spec"]["template"]["spec"]["initContainers"][0]["args"][0].replace("/ca/", f"{folder.parent}/ca/")
    done = subprocess.run(["/bin/sh", "-euc", script], cwd=folder / "pki", capture_output=True, text=True, timeout=60,
                          env={"PATH": f"{gateway.BUILD}/bin:{os.environ['PATH']}"})
    assert done.returncode == 0, done.stderr
    return folder / "pki"


def test_job_makes_the_certificates_that_both_planes_need_and_keeps_its_authority(tmp_path, stage):
    first = run_pki_script(tmp_path / "first")
    told = yaml.safe_load((first / "kustomization.yaml").read_text())
    secrets = {item["name"]: dict((word.partition("=")[0], word.rpartition("=")[2]) for word in item["files"]) for item in told["secretGenerator"]}
    for deployment, secret in (("gateway-controlplane", "gateway-controlplane-tls"), ("gateway-dataplane", "gateway-dataplane-tls")):
        mounts = find("Deployment", deployment)["spec"]["template"]["spec"]["volumes"]
        assert secret in [volume["secret"]["secretName"] for volume in mounts if "secret" in volume]
        assert set(secrets[secret]) == {"ca.crt", "tls.crt", "tls.key"} and all((first / file).is_file() for file in secrets[secret].values())
    target = next(item["value"] for item in container_of("dataplane")["env"] if item["name"] == "GATEWAY_XDS").split(":")[0]
    subprocess.run(["openssl", "verify", "-CAfile", first / "ca.crt", "-purpose", "sslserver", "-verify_hostname", target,
                    first / secrets["gateway-controlplane-tls"]["tls.crt"]], check=True, capture_output=True)

    # Renewed: other certificates of the same authority, which data planes with the first ones trust.
    (tmp_path / "ca").mkdir()
    for name in secrets["gateway-ca"].values():
        (tmp_path / "ca" / name).write_bytes((first / name).read_bytes())
    second = run_pki_script(tmp_path / "second")
    assert (second / "ca.crt").read_bytes() == (first / "ca.crt").read_bytes()
    assert (second / "data-plane.crt").read_bytes() != (first / "data-plane.crt").read_bytes()
    subprocess.run(["openssl", "verify", "-CAfile", first / "ca.crt", "-purpose", "sslclient", second / "data-plane.crt"], check=True, capture_output=True)
    name = subprocess.run(["openssl", "x509", "-noout", "-ext", "subjectAltName", "-in", second / "data-plane.crt"], check=True, capture_output=True,
                          text=True).stdout
    assert "URI:spiffe://gateway.internal/gateway/default/*" in name
