"""A certificate authority for tests, made with gatewayctl pki."""
import os
import pathlib
import ssl
import subprocess

import grpc

from .gateway import ctl


class Pki:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        ctl("pki", "init", "--dir", self.folder, check=0)
        self.ca = self.folder / "ca.crt"

    def issue(self, name, *args):
        """Anew when there is one of that name already."""
        ctl("pki", "issue", name, "--dir", self.folder, "--replace", *args, check=0)
        return self

    def control_plane(self, name="control-plane", hosts=("127.0.0.1",)):
        return self.issue(name, "--control-plane", *(word for host in hosts for word in ("--host", host)))

    def expire(self, name, uri):
        """In place of NAME's certificate one that has run out; gatewayctl makes none such."""
        request, extensions = self.folder / "request.pem", self.folder / "extensions"
        extensions.write_text(f"subjectAltName=URI:{uri}\nextendedKeyUsage=clientAuth\n")
        for args in (["req", "-new", "-key", self.key(name), "-subj", f"/CN={name}", "-out", request],
                     ["x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.folder / "ca.key", "-CAcreateserial", "-days", "-1",
                      "-extfile", extensions, "-out", self.cert(name)]):
            subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True, timeout=60)

    def leaf(self, name, subject, *sans, usage="serverAuth,clientAuth"):
        """A certificate for what is no part of the control channel: a site, a service, a client. A SAN is such as DNS:a.test."""
        request, extensions = self.folder / "request.pem", self.folder / "extensions"
        names = f"subjectAltName={','.join(sans)}\n" if sans else ""
        extensions.write_text(f"{names}extendedKeyUsage={usage}\n")
        for args in (["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.key(name), "-subj", subject,
                      "-out", request],
                     ["x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.folder / "ca.key", "-CAcreateserial", "-days", "30",
                      "-extfile", extensions, "-out", self.cert(name)]):
            subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True, timeout=60)
        return self

    def pair(self, name):
        """As routes.yaml wants it."""
        return f"{{certificate: {self.cert(name)}, key: {self.key(name)}}}"

    def cert(self, name):
        return self.folder / f"{name}.crt"

    def key(self, name):
        return self.folder / f"{name}.key"

    def flags(self, prefix, name, ca=None):
        """--PREFIX-ca, -cert and -key."""
        return [f"--{prefix}-ca", ca or self.ca, f"--{prefix}-cert", self.cert(name), f"--{prefix}-key", self.key(name)]

    def grpc_credentials(self, name=None):
        pair = (self.key(name).read_bytes(), self.cert(name).read_bytes()) if name else (None, None)
        return grpc.ssl_channel_credentials(self.ca.read_bytes(), *pair)

    def ssl_context(self, name=None, ca=None, alpn=("h2",)):
        context = ssl.create_default_context(cafile=ca or self.ca)
        context.set_alpn_protocols(list(alpn))
        if name:
            context.load_cert_chain(self.cert(name), self.key(name))
        return context

    def server_context(self, name, alpn):
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.cert(name), self.key(name))
        context.set_alpn_protocols(list(alpn))
        return context


class Mount:
    """A folder as Kubernetes mounts a Secret: ca.crt, tls.crt and tls.key are links through ..data, which is swapped as a whole."""

    def __init__(self, folder, pki, name):
        self.folder, self.count = pathlib.Path(folder), 0
        self.folder.mkdir()
        self.swap(pki, name)
        for file in ("ca.crt", "tls.crt", "tls.key"):
            (self.folder / file).symlink_to(f"..data/{file}")

    def swap(self, pki, name, ca=None):
        self.count += 1
        fresh = self.folder / f"..{self.count}"
        fresh.mkdir()
        for file, source in (("ca.crt", ca or pki.ca), ("tls.crt", pki.cert(name)), ("tls.key", pki.key(name))):
            (fresh / file).write_bytes(source.read_bytes())
            (fresh / file).chmod(0o640)  # as mounted for a group
        (self.folder / "..data_tmp").symlink_to(fresh.name)
        os.rename(self.folder / "..data_tmp", self.folder / "..data")

    def flags(self, prefix):
        return [f"--{prefix}-ca", self.folder / "ca.crt", f"--{prefix}-cert", self.folder / "tls.crt", f"--{prefix}-key", self.folder / "tls.key"]
