"""The Helm chart by the tools of its users: helm, kubeconform with Kubernetes' schemas and those of cert-manager and Prometheus' operator, and a real
API server with Pod Security's admission. They take minutes to build: only in tests/run.sh full."""
import os
import pathlib
import subprocess
import sys

import pytest
import yaml

from support.gateway import ROOT
from support.kube_api import KubeApi

PEERS = pathlib.Path(os.environ.get("GW_PEERS", ""))
CHART = ROOT / "deploy/kubernetes/gateway"
pytestmark = pytest.mark.full

# Each a way that operators take; what is not said is as in values.yaml.
VALUES = {
    "defaults": {},
    "cert-manager": {"tls": {"mode": "certManager"}, "serviceMonitor": {"enabled": True, "labels": {"release": "monitoring"}}},
    "an issuer of their own": {"tls": {"mode": "certManager", "certManager": {"issuerRef": {"name": "corporate", "kind": "ClusterIssuer"}}}},
    "their secrets": {"tls": {"mode": "existing", "controlPlaneSecret": "cp-tls", "dataPlaneSecret": "dp-tls"},
                      "config": {"existingConfigMap": "our-routes"}, "existingSecret": "our-settings"},
    "shared store": {"controlPlane": {"replicas": 3}, "settings": {"MYSQL_HOST": "mysql.db", "MYSQL_USER": "gateway", "REDIS_HOST": "redis.db", "REDIS_PORT": 6379},
                     "secretSettings": {"MYSQL_PASSWORD": "x", "JWT_SECRET_KEY": "0123456789abcdef0123456789abcdef"}},
    "fixed size": {"dataPlane": {"autoscaling": {"enabled": False}, "replicas": 4, "podDisruptionBudget": {"maxUnavailable": 1},
                                 "resources": {"limits": {"cpu": 2, "memory": "1Gi"}}, "nodeSelector": {"pool": "edge"},
                                 "tolerations": [{"key": "edge", "operator": "Exists"}], "drain": {"delaySeconds": 20, "timeSeconds": 300},
                                 "ports": [{"name": "http", "port": 8000, "servicePort": 80}, {"name": "https", "port": 8443, "servicePort": 443}],
                                 "service": {"type": "NodePort", "externalTrafficPolicy": "Local", "annotations": {"a": "b"}}},
                   "controlPlane": {"persistence": {"enabled": False}, "extraArgs": ["--log-level=debug"]},
                   "networkPolicy": {"trafficFrom": [{"ipBlock": {"cidr": "10.0.0.0/8"}}], "statusFrom": []},
                   "image": {"pullSecrets": ["registry"], "dataPlane": {"repository": "registry.example/dataplane", "tag": "v7"}}},
}
REFUSED = {
    "a key that is none": ({"dataplane": {}}, "dataplane"),
    "no time to drain": ({"dataPlane": {"drain": {"timeSeconds": 0}}}, "timeSeconds"),
    "two control planes with a file each": ({"controlPlane": {"replicas": 2}}, "settings.MYSQL_HOST"),
    "existing without names": ({"tls": {"mode": "existing"}}, "its name is needed"),
    "a setting in lower case": ({"settings": {"redis_host": "x"}}, "redis_host"),
    "a listener that is privileged": ({"dataPlane": {"ports": [{"name": "http", "port": 80, "servicePort": 80}]}}, "port"),
}


def helm(verb, *args, values=None):
    argv = [str(PEERS / "helm"), verb, "--kube-version", "1.36", *map(str, args)]
    return subprocess.run([*argv, "--values", "-"] if values is not None else argv, input=yaml.safe_dump(values), capture_output=True, text=True, timeout=60)


def template(values):
    done = helm("template", "gateway", CHART, "--namespace", "gateway", values=values)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def schemas(tmp_path_factory):
    """Of Kubernetes, from PyPI's kubernetes-validate; of custom resources, from their projects' own definitions."""
    folder = tmp_path_factory.mktemp("schemas")
    subprocess.run([sys.executable, ROOT / "tests/support/kube_schemas.py", folder, *(PEERS / "crds").glob("*.yaml")], check=True)
    return folder


@pytest.mark.parametrize("name", VALUES)
def test_helm_lint_has_nothing_to_say(name):
    done = helm("lint", "--strict", CHART, values=VALUES[name])
    assert done.returncode == 0 and "[ERROR]" not in done.stdout and "[WARNING]" not in done.stdout, done.stdout


@pytest.mark.parametrize("name", VALUES)
def test_every_resource_is_valid_by_kubeconform(name, schemas):
    text = template(VALUES[name])
    done = subprocess.run([PEERS / "kubeconform", "-strict", "-summary", "-schema-location", f"{schemas}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"],
                          input=text, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "Skipped: 0" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("name", REFUSED)
def test_values_that_cannot_work_are_refused(name):
    values, word = REFUSED[name]
    done = helm("template", "gateway", CHART, values=values)
    assert done.returncode != 0 and word in done.stderr, done.stderr


def test_manifests_are_what_the_chart_renders(tmp_path):
    out = tmp_path / "manifest.yaml"
    subprocess.run([ROOT / "deploy/kubernetes/render.sh", out], check=True, timeout=60, env={**os.environ, "HELM": str(PEERS / "helm")})
    assert out.read_text() == (ROOT / "deploy/kubernetes/manifests/gateway.yaml").read_text()


def test_values_reach_the_pods():
    documents = {(d["kind"], d["metadata"]["name"]): d for d in yaml.safe_load_all(template(VALUES["fixed size"])) if d}
    deployment = documents["Deployment", "gateway-dataplane"]["spec"]
    pod = deployment["template"]["spec"]
    assert deployment["replicas"] == 4 and pod["terminationGracePeriodSeconds"] == 325 and pod["nodeSelector"] == {"pool": "edge"}
    assert pod["containers"][0]["image"] == "registry.example/dataplane:v7"
    assert {"name": "GATEWAY_DRAIN_TIME", "value": "300s"} in pod["containers"][0]["env"]
    assert [port["containerPort"] for port in pod["containers"][0]["ports"]] == [8000, 8443, 9903]
    assert ("HorizontalPodAutoscaler", "gateway-dataplane") not in documents and ("PersistentVolumeClaim", "gateway-controlplane") not in documents


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    made = KubeApi(tmp_path_factory.mktemp("kubernetes"))
    made.kubectl("create", "namespace", "gateway")
    made.kubectl("label", "namespace", "gateway", *(f"pod-security.kubernetes.io/{mode}=restricted" for mode in ("enforce", "warn")))
    for file in (PEERS / "crds").glob("*.yaml"):
        made.kubectl("apply", "--server-side", "--filename", file)
        made.kubectl("wait", "--for=condition=Established", "--timeout=30s", "--filename", file)
    yield made
    made.stop()


@pytest.mark.parametrize("name", VALUES)
def test_a_real_api_server_takes_everything_without_a_warning(name, api):
    api.kubectl("delete", "job", "gateway-pki", "--ignore-not-found")  # a Job can't be changed; helm's hook and its time to live do the same
    told = api.kubectl("apply", "--server-side", "--force-conflicts", "--validate=strict", "--filename", "-", text=template(VALUES[name]))
    assert "Warning" not in told, told


def test_a_real_api_server_admits_each_pod_under_the_restricted_profile(api):
    for document in yaml.safe_load_all(template(VALUES["defaults"])):
        spec = (document or {}).get("spec", {})
        spec = spec.get("jobTemplate", {}).get("spec", spec)
        if "template" in spec:
            pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "probe"}, "spec": spec["template"]["spec"]}
            told = api.kubectl("create", "--dry-run=server", "--filename", "-", text=yaml.safe_dump(pod))
            assert "created" in told and "Warning" not in told
            pod["spec"]["securityContext"]["runAsNonRoot"] = False
            refused = api.run("kubectl", "create", "--dry-run=server", "--filename", "-", text=yaml.safe_dump(pod))
            assert refused.returncode != 0 and "violates PodSecurity" in refused.stderr


def test_helm_installs_upgrades_and_removes(api, tmp_path):
    api.kubectl("delete", "--ignore-not-found", "--wait=false", "--filename", "-", text=template(VALUES["defaults"]))
    values = tmp_path / "values.yaml"
    for verb, name in (("install", "cert-manager"), ("upgrade", "shared store"), ("upgrade", "fixed size")):
        values.write_text(yaml.safe_dump({**VALUES[name], "tls": VALUES["cert-manager"]["tls"]}))
        done = api.run("helm", verb, "edge", CHART, "--namespace", "gateway", "--values", values)
        assert done.returncode == 0 and "STATUS: deployed" in done.stdout, done.stdout + done.stderr
    assert "edge-gateway-dataplane" in api.kubectl("get", "deployments", "--output", "name")
    assert api.run("helm", "uninstall", "edge", "--namespace", "gateway").returncode == 0


def test_the_job_may_do_what_it_does_and_no_more(api):
    api.kubectl("delete", "job", "gateway-pki", "--ignore-not-found")
    api.kubectl("apply", "--server-side", "--force-conflicts", "--filename", "-", text=template(VALUES["defaults"]))

    def may(*words):
        return api.run("kubectl", "auth", "can-i", *words, "--as=system:serviceaccount:gateway:gateway-pki").stdout.strip() == "yes"

    assert may("create", "secrets") and may("patch", "secrets/gateway-dataplane-tls") and may("get", "secrets/gateway-ca")
    assert not may("get", "secrets/gateway-settings") and not may("list", "secrets") and not may("get", "pods")
