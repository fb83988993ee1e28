"""gatewayctl keygen and token: what they make, as OpenSSL and PyJWT see it, and what they refuse."""
import subprocess
import time

import jwt
import pytest
from support.gateway import ctl


def keygen(folder, kind, name, *args, check=0):
    return ctl("keygen", kind, name, *args, "--dir", folder, check=check)


def mint(*args, check=0, env=None):
    return ctl("token", "mint", *args, check=check, env=env)


def openssl_text(path, *args):
    return subprocess.run(["openssl", "pkey", "-in", path, "-noout", "-text", *args], capture_output=True, text=True, check=True, timeout=60).stdout


def mode_of(path):
    return path.stat().st_mode & 0o777


def test_keygen_makes_pairs_that_only_their_owner_can_sign_with(tmp_path):
    keygen(tmp_path, "rsa", "r")
    keygen(tmp_path, "ec", "e", "--curve", "P-384")
    keygen(tmp_path, "ec", "d", "--curve", "Ed25519")
    assert "3072 bit" in openssl_text(tmp_path / "r.key") and "3072 bit" in openssl_text(tmp_path / "r.pub", "-pubin")
    assert "P-384" in openssl_text(tmp_path / "e.pub", "-pubin") and "ED25519" in openssl_text(tmp_path / "d.key")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d.key", "d.pub", "e.key", "e.pub", "r.key", "r.pub"]
    assert {mode_of(tmp_path / f"{name}.key") for name in "red"} == {0o600}


def test_keygen_replaces_only_when_told_to(tmp_path):
    keygen(tmp_path, "secret", "s")
    first = (tmp_path / "s.key").read_text()
    assert len(first) == 64 and mode_of(tmp_path / "s.key") == 0o600
    assert "s.key is there already" in keygen(tmp_path, "secret", "s", check=65).stderr
    assert (tmp_path / "s.key").read_text() == first
    keygen(tmp_path, "secret", "s", "--replace")
    assert (tmp_path / "s.key").read_text() != first
    assert [path.name for path in tmp_path.iterdir()] == ["s.key"]


@pytest.mark.parametrize("args", [("rsa", "k", "--bits", "1024"), ("rsa", "k", "--curve", "P-256"), ("ec", "k", "--curve", "P-192"),
                                  ("ec", "k", "--bits", "2048"), ("secret", "k", "--bits", "2048"), ("dsa", "k"), ("rsa", "../k"), ("rsa", ".k")])
def test_keygen_refuses_what_would_be_weak_or_elsewhere(tmp_path, args):
    keygen(tmp_path, *args, check=64)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind, args, alg", [("rsa", ("--bits", "2048"), "RS384"), ("ec", (), "ES256"), ("ec", ("--curve", "P-521"), "ES512")])
def test_minted_tokens_are_pyjwt_s(tmp_path, kind, args, alg):
    keygen(tmp_path, kind, "k", *args)
    said = mint("--key", tmp_path / "k.key", "--alg", alg, "--kid", "k1", "--iss", "me", "--sub", "u1", "--aud", "a", "--aud", "b", "--ttl", "90s",
                "--claim", 'roles=["admin","ops"]', "--claim", "name=Jané = x", "--claim", "n=7", "--claim", "text=\"7\"").stdout
    token = said.removesuffix("\n")
    claims = jwt.decode(token, (tmp_path / "k.pub").read_text(), [alg], audience="a", issuer="me")
    assert jwt.get_unverified_header(token) == {"alg": alg, "kid": "k1", "typ": "JWT"}
    assert abs(claims.pop("iat") - time.time()) < 60 and 0 < claims.pop("exp") - time.time() <= 90
    assert claims == {"iss": "me", "sub": "u1", "aud": ["a", "b"], "roles": ["admin", "ops"], "name": "Jané = x", "n": 7, "text": "7"}


def test_secrets_come_from_a_file_or_the_environment(tmp_path):
    secret = "s" * 40
    (tmp_path / "s.key").write_text(secret + "\n")
    by_file = mint("--key", tmp_path / "s.key", "--sub", "u1").stdout.strip()
    by_environment = mint("--sub", "u1", env={"JWT_SECRET_KEY": secret}).stdout.strip()
    for token in (by_file, by_environment):
        assert jwt.decode(token, secret, ["HS256"])["sub"] == "u1"
    assert "--key is wanted" in mint("--sub", "u1", check=64, env={"JWT_SECRET_KEY": ""}).stderr


def test_mint_refuses_weak_and_wrong_keys_without_showing_them(tmp_path):
    (tmp_path / "short.key").write_text("hunter2hunter2")
    said = mint("--key", tmp_path / "short.key", check=65).stderr
    assert "14 bytes; at least 32" in said and "hunter2" not in said
    keygen(tmp_path, "ec", "e")
    assert "not for RS256" in mint("--key", tmp_path / "e.key", "--alg", "RS256", check=65).stderr
    assert "PEM" in mint("--key", tmp_path / "e.key", "--alg", "HS256", check=65).stderr
    assert "cannot be read" in mint("--key", tmp_path / "none.key", check=71).stderr
    mint("--key", tmp_path / "e.key", "--alg", "none", check=64)
    mint("--key", tmp_path / "e.key", "--alg", "EdDSA", check=64)
    assert "has the name of another" in mint("--key", tmp_path / "e.key", "--alg", "ES256", "--sub", "a", "--claim", "sub=b", check=65).stderr
    mint("--key", tmp_path / "e.key", "--alg", "ES256", "--claim", "nothing", check=64)
