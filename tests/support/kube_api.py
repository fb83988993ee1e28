"""A real Kubernetes API server (etcd and kube-apiserver, built by setup_kubernetes) on loopback. No controllers: it judges, stores, and starts no pods."""
import os
import pathlib
import socket
import subprocess

from .gateway import Program, wait_until

PEERS = pathlib.Path(os.environ.get("GW_PEERS", ""))
ADMIN_TOKEN = "token-of-the-tests-administrator"


def free_ports(count):
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


class KubeApi:
    def __init__(self, folder):
        self.folder, (client, peer, self.port) = folder, free_ports(3)
        self.etcd = Program(folder, "etcd", [
            PEERS / "etcd", "--data-dir", folder / "etcd", "--listen-client-urls", f"http://127.0.0.1:{client}", "--advertise-client-urls",
            f"http://127.0.0.1:{client}", "--listen-peer-urls", f"http://127.0.0.1:{peer}", "--initial-advertise-peer-urls",
            f"http://127.0.0.1:{peer}", "--initial-cluster", f"default=http://127.0.0.1:{peer}", "--log-level", "error"])
        key, tokens = folder / "accounts.key", folder / "tokens.csv"
        subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
        tokens.write_text(f'{ADMIN_TOKEN},admin,1,"system:masters"\n')
        self.server = Program(folder, "kube-apiserver", [
            PEERS / "kube-apiserver", "--etcd-servers", f"http://127.0.0.1:{client}", "--bind-address", "127.0.0.1", "--advertise-address",
            "127.0.0.1", "--secure-port", self.port, "--cert-dir", folder / "certificates", "--token-auth-file", tokens,
            "--authorization-mode", "RBAC", "--service-account-issuer", "https://kubernetes.default.svc", "--service-account-key-file", key,
            "--service-account-signing-key-file", key, "--service-cluster-ip-range", "10.96.0.0/16", "--disable-admission-plugins",
            "ServiceAccount"])
        self.config = folder / "kubeconfig"
        self.config.write_text(f"""
apiVersion: v1
kind: Config
clusters: [{{name: test, cluster: {{server: 'https://127.0.0.1:{self.port}', insecure-skip-tls-verify: true}}}}]
users: [{{name: admin, user: {{token: {ADMIN_TOKEN}}}}}]
contexts: [{{name: test, context: {{cluster: test, user: admin, namespace: gateway}}}}]
current-context: test
""")
        self.env = {"KUBECONFIG": str(self.config), "HOME": str(folder), "PATH": os.environ["PATH"]}
        wait_until(self.is_ready, "the API server", seconds=120, interval=0.2)

    def is_ready(self):
        assert self.server.is_running(), self.server.log()[-3000:]
        return self.run("kubectl", "get", "--raw", "/readyz").returncode == 0

    def run(self, program, *args, text=None):
        return subprocess.run([str(PEERS / program), *map(str, args)], input=text, capture_output=True, text=True, timeout=120, env=self.env)

    def kubectl(self, *args, text=None):
        """What it prints on standard output and as warnings."""
        done = self.run("kubectl", *args, text=text)
        assert done.returncode == 0, f"kubectl {args}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def stop(self):
        self.server.kill()
        self.etcd.kill()
