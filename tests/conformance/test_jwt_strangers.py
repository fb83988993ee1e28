"""Tokens of PyJWT, jose and libjwt are ours, too; Wycheproof's vectors of JWS and JWK behave as they should."""
import json
import os
import pathlib
import subprocess
import time

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from support.gateway import BUILD

CHECK = BUILD / "bin/jwt_check"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "gateway-tests"
PEERS = pathlib.Path(os.environ.get("GW_PEERS", CACHE / "peers"))
NODE = os.environ.get("GW_NODE", "node")
NOW = int(time.time())
CLAIMS = {"iss": "https://issuer.example", "sub": "usér-1", "aud": ["gateway", "other"], "iat": NOW, "nbf": NOW, "exp": NOW + 600,
          "roles": ["admin"], "realm": {"tenant": "t1", "quota": 9007199254740993, "share": 0.1}, "none": None, "ok": True}
CHECKS = {"now": NOW, "issuer": CLAIMS["iss"], "audience": "gateway"}
SECRETS = {"HS256": "s" * 32, "HS384": "s" * 48, "HS512": "s" * 64}


def judge(requests):
    """The verdicts of our code, a line each."""
    text = "".join(json.dumps(request) + "\n" for request in requests)
    done = subprocess.run([CHECK], input=text, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-4000:]
    verdicts = done.stdout.splitlines()
    assert len(verdicts) == len(requests)
    return verdicts


def assert_taken_and_only_whole(cases):
    """(name, token, keys): each token is OK; with one character of any section changed, or another key's algorithm pinned, none is."""
    good = [{"token": token, **keys, **CHECKS} for _, token, keys in cases]
    assert dict(zip((name for name, _, _ in cases), judge(good))) == {name: "OK" for name, _, _ in cases}
    changed = []
    for name, token, keys in cases:
        for at in (5, len(token) // 2, token.rindex(".") + 5):
            other = "A" if token[at] != "A" else "B"
            changed.append((name, at, {"token": token[:at] + other + token[at + 1:], **keys, **CHECKS}))
    for (name, at, _), verdict in zip(changed, judge([request for _, _, request in changed])):
        assert verdict != "OK" and not verdict.startswith("keys:"), (name, at, verdict)


def pem_of(key):
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    return private, public


@pytest.fixture(scope="module")
def pairs():
    rsa_pair = pem_of(rsa.generate_private_key(65537, 2048))
    curves = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}
    made = {f"{family}{bits}": rsa_pair for family in ("RS", "PS") for bits in (256, 384, 512)}
    made |= {alg: pem_of(ec.generate_private_key(curve)) for alg, curve in curves.items()}
    return made | {"EdDSA": pem_of(ed25519.Ed25519PrivateKey.generate())}


# ---- issuers ----

def test_tokens_by_pyjwt_verify(pairs):
    cases = [(alg, pyjwt.encode(CLAIMS, private, alg, headers={"kid": "any"}), {"pem": public, "alg": alg})
             for alg, (private, public) in pairs.items()]
    cases += [(alg, pyjwt.encode(CLAIMS, secret, alg), {"secret": secret, "alg": alg}) for alg, secret in SECRETS.items()]
    assert len(cases) == 13
    assert_taken_and_only_whole(cases)


def test_key_sets_by_pyjwt_verify(pairs):
    cases = []
    for alg, (private, public) in pairs.items():
        algorithm = pyjwt.get_algorithm_by_name(alg)
        jwk = algorithm.to_jwk(algorithm.prepare_key(public), as_dict=True) | {"kid": alg}
        cases.append((alg, pyjwt.encode(CLAIMS, private, alg, headers={"kid": alg}), {"jwks": json.dumps({"keys": [jwk]})}))
    assert_taken_and_only_whole(cases)


def test_tokens_by_jose_verify():
    done = subprocess.run([NODE, "jose_sign.mjs"], cwd=CACHE / "strangers", input=json.dumps(CLAIMS), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-4000:]
    made = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(made) == 13
    cases = [(one["alg"], one["token"], {"jwks": json.dumps({"keys": [one["jwk"]]})}) for one in made]
    cases += [(one["alg"] + " PEM", one["token"], {"pem": one["pem"], "alg": one["alg"]}) for one in made if "pem" in one]
    assert_taken_and_only_whole(cases)
    every = json.dumps({"keys": [one["jwk"] for one in made if one["jwk"]["kty"] != "oct"]})
    assert_taken_and_only_whole([(one["alg"], one["token"], {"jwks": every}) for one in made if one["jwk"]["kty"] != "oct"])


def test_tokens_by_libjwt_verify_with_us_and_pyjwt(pairs):
    keys = {alg: (private, public) for alg, (private, public) in pairs.items() if alg[:2] in ("RS", "ES")}
    keys |= {alg: (secret, secret) for alg, secret in SECRETS.items()}
    tokens = judge([{"mint": json.dumps(CLAIMS), "alg": alg, "key": private} for alg, (private, _) in keys.items()])
    cases = []
    for token, (alg, (_, public)) in zip(tokens, keys.items()):
        assert pyjwt.decode(token, public, [alg], audience="gateway") == CLAIMS
        cases.append((alg, token, {"secret" if alg in SECRETS else "pem": public, "alg": alg}))
    assert_taken_and_only_whole(cases)


# ---- verdicts beside PyJWT's ----

def test_claims_are_judged_as_by_pyjwt():
    """Times, audience, issuer and types: where PyJWT refuses, we do, and the other way round. PyJWT looks at `iat`, we at its type only."""
    variants = [{}, {"exp": NOW}, {"exp": NOW - 1}, {"exp": NOW + 1}, {"exp": 0}, {"exp": -1}, {"exp": str(NOW + 60)}, {"exp": None},
                {"exp": NOW + 60.5}, {"exp": [NOW + 60]}, {"nbf": NOW + 60}, {"nbf": str(NOW)}, {"aud": "gateway"}, {"aud": "other"},
                {"aud": []}, {"aud": [1]}, {"aud": {"gateway": 1}}, {"iss": "https://issuer.example/"}, {"iss": 7}, {"sub": 7}, {"jti": 7}, {"iat": "x"}]
    secret = SECRETS["HS256"]
    tokens = [pyjwt.api_jws.encode(json.dumps(CLAIMS | variant).encode(), secret, "HS256") for variant in variants]
    ours = judge([{"token": token, "secret": secret, "alg": "HS256", **CHECKS} for token in tokens])
    for variant, token, verdict in zip(variants, tokens, ours):
        assert (verdict == "OK") == pyjwt_takes(token, secret), (variant, verdict)
    assert ours.count("OK") == 4


def pyjwt_takes(token, secret):
    """With the clock of the test: PyJWT's own goes on meanwhile."""
    try:
        claims = pyjwt.decode(token, secret, ["HS256"], audience="gateway", issuer=CLAIMS["iss"], options={"verify_exp": False, "verify_nbf": False})
    except pyjwt.PyJWTError:
        return False
    try:
        return int(claims["exp"]) > NOW >= int(claims["nbf"]) and not isinstance(claims["exp"], str) and not isinstance(claims["nbf"], str)
    except (TypeError, ValueError):
        return False


# ---- Wycheproof ----

# Where we say something else than the vectors, and why we are right.
SAME = "the same token and key as 357, which is valid: the padding that its name speaks of is not there"
ALPHABET = "RFC 7515 section 2: base64url has no '?'; a decoder that passes over it takes two spellings of one token"
DIFFERS = {
    "json_web_signature 346": "the key says PS256, the token PS384: RFC 7517 section 4.4, the key's alg is what it is for",
    "json_web_signature 350": "the same",
    "json_web_signature 347": "the key says ES521, which is no algorithm (RFC 7518 section 3.1: ES512)",
    "json_web_signature 351": "the same",
    "json_web_signature 367": SAME,
    "json_web_signature 370": SAME,
    "json_web_signature 372": ALPHABET,
    "json_web_signature 373": ALPHABET,
}


def wycheproof(name):
    return json.loads((PEERS / "wycheproof" / name).read_text())["testGroups"]


def public_keys_of(group):
    """What a verifier would be given: of key pairs the public half."""
    given = group.get("public") or group["private"]
    private = ("d", "p", "q", "dp", "dq", "qi")
    keys = [{name: value for name, value in key.items() if key.get("kty") == "oct" or name not in private} for key in given.get("keys", [given])]
    return json.dumps({"keys": keys})


@pytest.mark.parametrize("name, least", [("json_web_signature_test.json", 350), ("json_web_key_test.json", 20), ("json_web_crypto_test.json", 45)])
def test_wycheproof(name, least):
    cases = []
    for group in wycheproof(name):
        for test in group["tests"]:
            token = test.get("jws")
            if token is None:
                continue
            token = token if isinstance(token, str) else json.dumps(token)
            cases.append((group.get("comment"), test, {"kind": "jws", "jwks": public_keys_of(group), "token": token}))
    assert len(cases) >= least
    verdicts = judge([request for _, _, request in cases])
    wrong = {}
    for (comment, test, _), verdict in zip(cases, verdicts):
        if (verdict == "OK") != (test["result"] == "valid"):
            wrong[f'{name[:-10]} {test["tcId"]}'] = f'{comment}: {test["comment"]} is {test["result"]}; we say {verdict}'
    assert {key: value for key, value in wrong.items() if key not in DIFFERS} == {}
    assert [key for key in DIFFERS if key.startswith(name[:-10]) and key not in wrong] == []
