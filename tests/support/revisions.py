"""A control plane whose configuration comes by `gatewayctl apply`, and what gatewayctl tells of its revisions."""
import json
import subprocess

from .gateway import BUILD

API = {"GATEWAY_CONFIG_SOURCE": "api"}


def routes(*paths, extra=""):
    """Routes to the service `backend`, each answering with its own path; `extra`: keys of each."""
    return "routes:\n" + "".join(f"  - {{path: {path}, service: backend{extra}}}\n" for path in paths)


def services(backend):
    return f'services: {{backend: {{instances: [{{url: "http://127.0.0.1:{backend.port}"}}]}}}}\n'


class Author:
    """Writes texts into files and applies them."""

    def __init__(self, control, folder):
        self.control, self.folder, self.count = control, folder, 0
        folder.mkdir(parents=True, exist_ok=True)

    def files(self, routes=None, services=None):
        self.count += 1
        args = []
        for name, text in (("routes", routes), ("services", services)):
            if text is not None:
                path = self.folder / f"{name}-{self.count}.yaml"
                path.write_bytes(text if isinstance(text, bytes) else text.encode())
                args += ["-f", path]
        return args

    def apply(self, routes=None, services=None, *args, check=None):
        return self.control.ctl("apply", *self.files(routes, services), *args, check=check)

    def begin(self, routes, *args):
        """The same, in the background."""
        argv = [BUILD / "bin/gatewayctl", "--admin", f"127.0.0.1:{self.control.ports()['admin']}", "--token-file", self.control.token_path,
                "apply", *self.files(routes), *args]
        return subprocess.Popen([str(word) for word in argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def history(self):
        return json.loads(self.control.ctl("history", "--limit", 0, "-o", "json", check=0).stdout)

    def numbers(self):
        return [int(revision["number"]) for revision in self.history()["revisions"]]

    def status(self):
        return json.loads(self.control.ctl("status", "-o", "json", check=0).stdout)
