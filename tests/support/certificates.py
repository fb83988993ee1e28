"""Certificates for tests, made on the spot with the openssl program."""
import subprocess


class Pair:
    def __init__(self, folder, name):
        self.certificate, self.key = folder / f"{name}.crt", folder / f"{name}.key"


def make_certificate(folder, name, *hosts, issuer=None):
    """Self-signed, and a CA; or issued by the pair `issuer`. `hosts`: DNS names and addresses."""
    pair = Pair(folder, name)
    kinds = ",".join(("IP:" if host.replace(".", "").isdigit() or ":" in host else "DNS:") + host for host in hosts)
    argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", f"/CN={name}",
            "-keyout", pair.key, "-out", pair.certificate]
    if hosts:
        argv += ["-addext", f"subjectAltName={kinds}"]
    if issuer:
        argv += ["-CA", issuer.certificate, "-CAkey", issuer.key, "-addext", "basicConstraints=critical,CA:FALSE"]
    subprocess.run([str(word) for word in argv], check=True, capture_output=True)
    return pair
