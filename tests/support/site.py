"""Both planes with listeners in plaintext and TLS: configuration and secrets come over mutual TLS."""
from .pki import Pki


class Site:
    """Listeners `plain` and `tls` (certificate `site`: a.test, b.test, localhost, 127.0.0.1), and what `listeners` adds, a line of YAML each."""

    def __init__(self, stage, routes, services, listeners=(), env=None, pki=None, workers=2):
        self.stage, self.workers, self.count = stage, workers, 0
        self.pki = pki or make_pki(stage.folder / "pki")
        lines = ["- {name: plain, address: 127.0.0.1, port: 0}",
                 f"- {{name: tls, address: 127.0.0.1, port: 0, tls: {{certificates: [{self.pki.pair('site')}]}}}}", *listeners]
        self.listeners = "listeners:\n" + "".join(f"  {line}\n" for line in lines)
        self.control = stage.control_plane(self.with_listeners(routes), services, args=self.pki.flags("xds-tls", "control-plane"), env=env)
        self.data = self.data_plane()
        self.plain, self.tls = self.data.port("plain"), self.data.port("tls")

    def with_listeners(self, routes):
        return self.listeners + routes

    def data_plane(self, **kw):
        """One more, ready."""
        self.count += 1
        data = self.stage.data_plane(kw.pop("xds", None) or self.control.xds(), node_id=f"node-{self.count}", workers=self.workers,
                                     args=[*self.pki.flags("xds-tls", "node"), *kw.pop("args", ())], **kw)
        data.wait_until_ready("plain")
        return data

    def port(self, listener):
        return self.data.port(listener)


def make_pki(folder):
    made = Pki(folder).control_plane().issue("node", "--node", "default/*")
    return made.leaf("site", "/CN=site", "DNS:a.test", "DNS:b.test", "DNS:localhost", "IP:127.0.0.1")
