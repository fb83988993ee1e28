"""Whole tables of routes, and requests to them, drawn by chance: paths that overlap, methods, conditions, hosts, who may, what is answered."""
from .access_routes import ADDRESSES, RANGES, claims, conditions, identity_conditions, some

WORDS = ["orders", "users", "a", "b", "v1", "x-y", "old"]
HOSTS = ["shop.test", "api.shop.test", "other.test"]
METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH"]


def pattern(chance):
    """A path, and its rank: two with the same rank would be a mistake."""
    segments, rank = [], []
    for place in range(chance.randint(1, 4)):
        kind = chance.random()
        if kind < 0.6:
            segments.append(chance.choice(WORDS))
        elif kind < 0.9:
            segments.append("{%s}" % ["id", "sub", "third", "fourth"][place] if chance.random() < 0.7 else "*")
        else:
            segments.append("{rest=**}" if chance.random() < 0.5 else "**")
            rank.append("**")
            break
        rank.append(segments[-1] if kind < 0.6 else "*")
    slash = "/" if segments[-1] not in ("**", "{rest=**}") and chance.random() < 0.15 else ""
    return "/" + "/".join(segments) + slash, "/".join(rank) + slash


def matching(chance):
    """Conditions beside path and method."""
    made = {}
    if chance.random() < 0.7:
        made["headers"] = {chance.choice(["x-canary", "x-tenant"]): chance.choice(
            ["1", {"prefix": "b"}, {"regex": "[a-c]+[0-9]*"}, {"present": True}, {"exact": "1", "invert": True}, {"contains": "e", "ignore_case": True}])}
    if chance.random() < 0.4:
        made["query"] = {"page": chance.choice(["1", {"regex": "[0-9]+"}, {"present": True}])}
    if not made or chance.random() < 0.2:
        made["cookies"] = {"group": chance.choice(["beta", {"prefix": "be"}])}
    return made


def action(chance):
    kind = chance.random()
    if kind < 0.45:
        return {"service": "s"}
    if kind < 0.6:
        return {"redirect": chance.choice([{"path": "/elsewhere"}, {"scheme": "https", "status": 308}, {"host": "new.test", "strip_query": True}])}
    return {"respond": {"status": chance.choice([200, 204, 410, 503])}}


def rule(chance, path):
    """Of variables that the path has."""
    action = chance.choice(["allow", "allow", "deny"])
    made = conditions(chance, action == "deny")
    made["parameters"] = {name: claim for name, claim in made.get("parameters", {}).items() if "{%s}" % name in path}
    made = {key: value for key, value in made.items() if value}
    if action == "deny":
        made.pop("require", None)
    return {action: made or {"methods": ["DELETE"]}}


def protection(chance, path):
    made = {}
    if chance.random() < 0.3:
        made |= identity_conditions(chance)
    if chance.random() < 0.3:
        rules = [rule(chance, path) | {"name": f"n{number}"} for number in range(chance.randint(1, 3))]
        made["rules"] = rules if any("allow" in rule for rule in rules) or "roles" in made else [*rules, {"allow": {"methods": METHODS}}]
    if not made and chance.random() < 0.3:
        made["auth_required"] = True
    if chance.random() < 0.2:
        made["allow_from"] = some(chance, RANGES)
    if chance.random() < 0.2:
        made["deny_from"] = some(chance, RANGES, 2)
    if chance.random() < 0.15:
        made["cors"] = {"origins": ["https://page.test"]}
    if chance.random() < 0.2:
        made["rate_limit"] = 1000000
    return made


def table(chance, size=40):
    """Routes that are valid together."""
    routes, taken = [], set()
    while len(routes) < size:
        path, rank = pattern(chance)
        host = chance.choice([None, None, *HOSTS[:2], "*.shop.test"])
        if (host, rank) in taken:
            continue
        taken.add((host, rank))
        common = {"path": path} | ({"hosts": host} if host else {})
        methods = some(chance, METHODS, 3) if chance.random() < 0.6 else None
        variants = [{"methods": [method]} for method in methods] if methods and chance.random() < 0.5 else [{"methods": methods} if methods else {}]
        if chance.random() < 0.4:  # one more, which is asked first
            variants.append(variants[0] | {"match": matching(chance)})
        routes += [common | variant | action(chance) | protection(chance, path) for variant in variants]
    return routes


def target(chance, routes):
    """Mostly a path that some route is for, now and then in another spelling, or what the gateway answers itself."""
    if chance.random() < 0.02:
        return chance.choice(["/health", "/ready", "/x/../health?q"])
    path = chance.choice(routes)["path"] if chance.random() < 0.9 else "/" + "/".join(some(chance, WORDS, 4))
    segments = [""]
    for segment in path.split("/")[1:]:
        if segment in ("**", "{rest=**}"):
            segments += some(chance, WORDS, 2) if chance.random() < 0.8 else [""]
        elif segment == "*" or segment.startswith("{"):
            segments.append(chance.choice(["7", "p1", "a%20b", "42", chance.choice(WORDS)]))
        else:
            segments.append(segment if chance.random() < 0.93 else chance.choice(WORDS))
    path = "/".join(segments) or "/"
    spelling = chance.randrange(30)
    if spelling == 0:
        path = "/." + path
    elif spelling == 1:
        path = path.replace("/", "//", 2)
    elif spelling == 2:
        path += "%2fx"
    elif spelling == 3:
        path = path.replace("a", "%61")
    elif spelling == 4:
        path += "/%zz"
    return path + chance.choice(["", "", "", "?page=1", "?page=x&q=2", "?q=/../"])


def request(chance, routes, identities):
    """Method, target, host, headers, the client's address and whose token: None for nobody's."""
    headers = {}
    if chance.random() < 0.4:
        headers["x-canary"] = chance.choice(["1", "blue", "abc12", "ONE"])
    if chance.random() < 0.3:
        headers["x-tenant"] = chance.choice(["1", "beta", "E"])
    if chance.random() < 0.2:
        headers["x_tenant"] = "1"
    if chance.random() < 0.2:
        headers["x-user-id"] = "made-up"
    if chance.random() < 0.3:
        headers["cookie"] = chance.choice(["group=beta", "a=1; group=beta2; c=3", "group=alpha"])
    method = chance.choice([*METHODS, "GET", "GET", "HEAD", "OPTIONS"])
    if chance.random() < 0.15:
        headers["origin"] = chance.choice(["https://page.test", "https://evil.test"])
        if method == "OPTIONS":
            headers["access-control-request-method"] = "GET"
    return {"method": method, "target": target(chance, routes), "host": chance.choice([*HOSTS, "shop.test:8080"]), "headers": headers,
            "client": chance.choice(ADDRESSES), "identity": chance.choice([None, *identities])}


__all__ = ["claims", "request", "table"]
