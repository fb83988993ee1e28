"""The kinds of requests of the soak, and what is wrong with an answer. A kind is a route of that name, and each request of it has a path of its own,
so that an answer that belongs to somebody else, or a body of which a part is missing, is seen."""
import hashlib
import itertools
import json
import random

from service import bytes_of

BODY = b"upload " * 1000
LARGE = 100_000
_numbers = itertools.count()


class Kind:
    """`share`: how many of all; `credential`: what it shows; `statuses`: what it may be answered, whatever goes on."""

    def __init__(self, name, share, method="GET", tail="", credential=None, statuses=(200,), body=b"", size=0):
        self.name, self.share, self.method, self.tail, self.credential = name, share, method, tail, credential
        self.statuses, self.body, self.size = statuses, body, size


KINDS = {kind.name: kind for kind in [
    Kind("plain", 6),
    Kind("slow", 2, tail="/delay/30"),
    Kind("once", 3, "POST", "/delay/20", body=BODY),
    Kind("large", 1, tail=f"/bytes/{LARGE}", size=LARGE),
    Kind("token", 4, credential="token"),
    Kind("key", 3, credential="key"),
    Kind("nobody", 1, statuses=(401,)),
    Kind("counted", 3, credential="token"),
    Kind("found", 4),
    Kind("shaky", 3),
    Kind("limited", 0, statuses=(200, 429)),
]}


class Asked:
    """One request. `credentials`: {"token": [(user, token), …], "key": [(user, key), …]}"""

    def __init__(self, kind, node, credentials):
        self.kind, self.path = kind, f"/{kind.name}/{node}-{next(_numbers)}{kind.tail}"
        self.headers, self.user = {"user-agent": "soak"}, None
        if kind.credential:
            self.user, secret = random.choice(credentials[kind.credential])
            self.headers |= {"authorization": f"Bearer {secret}"} if kind.credential == "token" else {"x-api-key": secret}
        if kind.body:
            self.headers["content-length"] = str(len(kind.body))

    def wanted(self):
        return {"method": self.kind.method, "path": self.path, "user": self.user, "bytes": len(self.kind.body),
                "digest": hashlib.sha256(self.kind.body).hexdigest()}


class Answer:
    """`headers`: by lower-case name. `trouble`: why there is no more of it than this."""

    def __init__(self):
        self.status, self.headers, self.body, self.trouble = 0, {}, b"", None


def problem_of(asked, answer):
    """What is wrong; None: nothing."""
    if answer.trouble:
        return answer.trouble
    if answer.status not in asked.kind.statuses:
        return "another status than is right here"
    if len(answer.headers.get("x-trace-id", "")) != 32:
        return "no trace id"
    if asked.kind.size:
        return None if answer.body == bytes_of(asked.path, asked.kind.size) else "a body that is not of this path"
    try:
        told = json.loads(answer.body)
    except ValueError:
        return "a body that is no JSON"
    if answer.status != 200:
        return problem_of_refusal(answer, told)
    told.pop("instance")
    return None if told == asked.wanted() else f"the service was asked {told}"


def problem_of_refusal(answer, told):
    wanted = {429: ("retry-after", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"), 401: ("www-authenticate",)}[answer.status]
    missing = [name for name in wanted if name not in answer.headers]
    if missing or told["error"] != answer.status or "request_id" not in told:
        return f"a refusal without {missing}, or with another text"
    return None
