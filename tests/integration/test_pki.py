"""gatewayctl pki: what it makes, as OpenSSL sees it, and what it refuses."""
import subprocess

import pytest
from support.gateway import ctl


def pki(folder, *args, check=0):
    return ctl("pki", *args, "--dir", folder / "pki", check=check)


def openssl(*args):
    return subprocess.run(["openssl", *map(str, args)], capture_output=True, text=True, timeout=60)


@pytest.fixture
def made(tmp_path):
    pki(tmp_path, "init", "--domain", "gw.example")
    return tmp_path / "pki"


def verify(folder, name, purpose):
    return openssl("verify", "-x509_strict", "-CAfile", folder / "ca.crt", "-purpose", purpose, folder / f"{name}.crt").returncode == 0


def text_of(folder, name):
    return openssl("x509", "-in", folder / f"{name}.crt", "-noout", "-text").stdout


def test_init_makes_an_authority_that_only_its_owner_can_use(tmp_path):
    said = pki(tmp_path, "init").stdout
    folder = tmp_path / "pki"
    assert "gatewayctl pki issue" in said and "ca.key  stays here and secret" in said
    assert (folder / "ca.key").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    text = text_of(folder, "ca")
    assert "CA:TRUE, pathlen:0" in text and "URI:spiffe://gateway.internal" in text and "prime256v1" in text
    assert sorted(path.name for path in folder.iterdir()) == ["ca.crt", "ca.key"]


def test_init_does_not_overwrite(tmp_path, made):
    before = (made / "ca.key").read_bytes()
    done = pki(tmp_path, "init", check=65)
    assert "ca.crt is there already" in done.stderr
    (made / "ca.crt").unlink()
    assert "ca.key is there already" in pki(tmp_path, "init", check=65).stderr
    assert (made / "ca.key").read_bytes() == before


def test_control_plane_s_certificate_is_for_servers_and_its_hosts(tmp_path, made):
    said = pki(tmp_path, "issue", "cp", "--control-plane", "--host", "cp.example", "--host", "*.cp.example", "--host", "10.0.0.5", "--host", "::1").stdout
    assert "gateway-controlplane --xds-tls-ca" in said
    assert verify(made, "cp", "sslserver") and not verify(made, "cp", "sslclient")
    assert "DNS:cp.example, DNS:*.cp.example, IP Address:10.0.0.5, IP Address:0:0:0:0:0:0:0:1" in text_of(made, "cp")
    assert (made / "cp.key").stat().st_mode & 0o777 == 0o600


def test_node_s_certificate_is_for_clients_and_its_nodes(tmp_path, made):
    said = pki(tmp_path, "issue", "edge-1", "--node", "edge/edge-1", "--node", "*/spare").stdout
    assert "gateway-dataplane --xds HOST:PORT --node-cluster edge --node-id edge-1" in said
    assert verify(made, "edge-1", "sslclient") and not verify(made, "edge-1", "sslserver")
    assert "URI:spiffe://gw.example/gateway/edge/edge-1, URI:spiffe://gw.example/gateway/*/spare" in text_of(made, "edge-1")


def test_administrator_s_certificate_names_who_it_is(tmp_path, made):
    assert "gatewayctl --admin HOST:PORT --tls-ca" in pki(tmp_path, "issue", "alice", "--admin-client").stdout
    assert verify(made, "alice", "sslclient") and not verify(made, "alice", "sslserver")
    assert "URI:spiffe://gw.example/gateway-admin/alice" in text_of(made, "alice")


def test_issue_overwrites_only_when_told_to(tmp_path, made):
    pki(tmp_path, "issue", "n", "--node", "a/b")
    before = (made / "n.crt").read_bytes()
    assert "--replace makes a new one" in pki(tmp_path, "issue", "n", "--node", "a/b", check=65).stderr
    assert (made / "n.crt").read_bytes() == before
    assert "take them up by themselves" in pki(tmp_path, "issue", "n", "--node", "a/b", "--replace").stdout
    assert (made / "n.crt").read_bytes() != before
    assert verify(made, "n", "sslclient")
    assert sorted(path.name for path in made.iterdir()) == ["ca.crt", "ca.key", "n.crt", "n.key"]


def test_days_are_kept_and_end_with_the_authority(tmp_path):
    pki(tmp_path, "init", "--days", "30")
    folder = tmp_path / "pki"
    done = pki(tmp_path, "issue", "n", "--node", "a/b", "--days", "31", check=65)
    assert "the authority itself is valid for" in done.stderr
    pki(tmp_path, "issue", "short", "--node", "a/b", "--days", "1")
    pki(tmp_path, "issue", "whole", "--node", "a/b")  # the default is longer than the authority lives
    assert openssl("x509", "-in", folder / "short.crt", "-noout", "-checkend", 23 * 3600).returncode == 0
    assert openssl("x509", "-in", folder / "short.crt", "-noout", "-checkend", 25 * 3600).returncode == 1
    assert openssl("x509", "-in", folder / "whole.crt", "-noout", "-checkend", 29 * 24 * 3600).returncode == 0
    assert openssl("x509", "-in", folder / "whole.crt", "-noout", "-checkend", 31 * 24 * 3600).returncode == 1


def test_authority_that_others_can_read_or_that_is_none_is_not_used(tmp_path, made):
    (made / "ca.key").chmod(0o644)
    assert "chmod 600" in pki(tmp_path, "issue", "n", "--node", "a/b", check=65).stderr
    (made / "ca.key").chmod(0o600)
    pki(tmp_path, "issue", "n", "--node", "a/b")
    for suffix in ("crt", "key"):
        (made / f"ca.{suffix}").write_bytes((made / f"n.{suffix}").read_bytes())
    assert "not the certificate of an authority" in pki(tmp_path, "issue", "m", "--node", "a/b", check=65).stderr


@pytest.mark.parametrize("args, words", [
    (["frob"], "init and issue are allowed"),
    (["init", "x"], "pki init takes"),
    (["init", "--node", "a/b"], "pki init takes"),
    (["init", "--domain", "a b"], "--domain a b"),
    (["init", "--days", "0"], "--days 0"),
    (["issue"], "wants a NAME"),
    (["issue", "x"], "for whom"),
    (["issue", "x", "--admin-client", "--node", "a/b"], "for whom"),
    (["issue", "x", "--control-plane"], "--control-plane wants --host"),
    (["issue", "x", "--node", "a/b", "--host", "h"], "--host goes with"),
    (["issue", "../x", "--admin-client"], "letters, digits"),
    (["issue", "ca", "--admin-client"], "not ca"),
    (["issue", "x" * 65, "--admin-client"], "up to 64"),
    (["issue", "x", "--control-plane", "--host", "h:1"], "without port"),
    (["issue", "x", "--node", "a"], "CLUSTER/NODE"),
    (["issue", "x", "--node", "a/b/c"], "CLUSTER/NODE"),
    (["issue", "x", "--node", "a/b*"], "CLUSTER/NODE"),
    (["issue", "x", "--node", "a/.."], "CLUSTER/NODE"),
])
def test_wrong_words_are_usage_mistakes(tmp_path, made, args, words):
    before = sorted(path.name for path in made.iterdir())
    assert words in pki(tmp_path, *args, check=64).stderr
    assert sorted(path.name for path in made.iterdir()) == before


def test_issue_without_an_authority_says_how_to_make_one(tmp_path):
    done = pki(tmp_path, "issue", "n", "--node", "a/b", check=65)
    assert "gatewayctl pki init --dir" in done.stderr


def test_folder_that_cannot_be_made_is_the_system_s_refusal(tmp_path):
    assert ctl("pki", "init", "--dir", tmp_path / "no" / "such", check=71).stderr
