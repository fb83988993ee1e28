"""A site at which every protocol towards clients meets every one towards services."""
import httpx

from .app import App
from .site import Site, make_pki

CLIENTS = ["h1", "h2c", "https h1", "https h2"]
SERVICES = ["h1", "h2", "tls-h1", "tls-h2"]  # also the first word of the path that leads there
BOTH = [(client, service) for client in CLIENTS for service in SERVICES]
ROUTES = """
routes:
  - {path: "/h1/**", service: h1}
  - {path: "/h2/**", service: h2}
  - {path: "/tls-h1/**", service: tls_h1}
  - {path: "/tls-h2/**", service: tls_h2}
"""


class Everyone(Site):
    def __init__(self, stage, routes="", services="", listeners=(), pki=None, **kw):
        pki = pki or make_pki(stage.folder / "pki")
        self.apps = {"h1": App("h1"), "h2": App("h2", "h2"), "tls-h1": App("tls-h1", "h1", pki.server_context("site", ["http/1.1"])),
                     "tls-h2": App("tls-h2", "h2", pki.server_context("site", ["h2"]))}
        stage.started += self.apps.values()
        super().__init__(stage, ROUTES + routes, f"""
services:
  h1: {{instances: [{{url: "{self.apps['h1'].url}"}}]}}
  h2: {{protocol: h2, instances: [{{url: "{self.apps['h2'].url}"}}]}}
  tls_h1: {{instances: [{{url: "{self.apps['tls-h1'].url}"}}], tls: {{ca: {pki.ca}}}}}
  tls_h2: {{protocol: auto, instances: [{{url: "{self.apps['tls-h2'].url}"}}], tls: {{ca: {pki.ca}}}}}
""" + services, listeners, pki=pki, **kw)

    def place(self, client):
        """The port, and the TLS context or None."""
        if "https" not in client:
            return self.plain, None
        return self.tls, self.pki.ssl_context(alpn=["h2"] if "h2" in client else ["http/1.1"])

    def url(self, client, path):
        return f"{'https' if 'https' in client else 'http'}://127.0.0.1:{self.place(client)[0]}{path}"

    def httpx(self, client):
        return httpx.Client(**self.httpx_options(client))

    def httpx_options(self, client):
        _, context = self.place(client)
        return {"http1": "h2" not in client, "http2": "h2" in client, "verify": context or True, "trust_env": False, "timeout": 60,
                "base_url": self.url(client, "")}
