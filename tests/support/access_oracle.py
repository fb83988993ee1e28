"""Who may what, written anew from the README's words about `access`, `roles`, `permissions` and `rules`: nothing here looks at how the gateway
does it. A route is the mapping that routes.yaml has for it, an identity the claims of a token."""
import ipaddress
import re
import urllib.parse


def as_list(value):
    return value if isinstance(value, list) else [value]


def find(claims, path):
    for name in path.split("."):
        if not isinstance(claims, dict) or name not in claims:
            return None
        claims = claims[name]
    return claims


class Oracle:
    def __init__(self, access):
        self.roles = access.get("roles", {})
        self.claims = {"roles": as_list(access.get("claims", {}).get("roles", "roles")),
                       "permissions": as_list(access.get("claims", {}).get("permissions", "permissions"))}

    def closure(self, role, seen=()):
        """The role and all that it includes."""
        entry = self.roles.get(role) or {}
        found = {role}
        for other in as_list(entry.get("includes", [])):
            if other not in seen:
                found |= self.closure(other, (*seen, role))
        return found

    def words(self, claims, kind):
        """What the claims of that kind say, whatever their form."""
        found = set()
        for path in self.claims[kind]:
            value = find(claims, path)
            if isinstance(value, str):
                found |= set(value.split(" ")) if path.split(".")[-1] in ("scope", "scp") else {value}
            elif isinstance(value, list):
                found |= {item for item in value if isinstance(item, str)}
        return found

    def held_roles(self, claims):
        return self.words(claims, "roles")

    def has_role(self, claims, role):
        return any(role in self.closure(held) for held in self.held_roles(claims))

    def has_permission(self, claims, permission):
        held = set(self.words(claims, "permissions"))
        for role in self.held_roles(claims):
            for part in self.closure(role):
                held |= set(as_list((self.roles.get(part) or {}).get("permissions", [])))
        return any(self.covers(word, permission) for word in held)

    @staticmethod
    def covers(held, permission):
        return held == permission or held == "*" or (held.endswith(":*") and permission.startswith(held[:-1]) and permission != held[:-1])

    def meets_identity(self, claims, conditions, exactly=False):
        combine = all if conditions.get("require") == "all" else any
        if "roles" in conditions:
            has = (lambda role: role in self.held_roles(claims)) if exactly else (lambda role: self.has_role(claims, role))
            if not combine(has(role) for role in as_list(conditions["roles"])):
                return False
        if "permissions" in conditions:
            return combine(self.has_permission(claims, permission) for permission in as_list(conditions["permissions"]))
        return True

    def meets(self, claims, conditions, request, exactly=False):
        """`request`: method, client, and the variables of the path."""
        conditions = conditions or {}
        if not self.meets_identity(claims, conditions, exactly):
            return False
        methods = as_list(conditions.get("methods", request["method"]))
        if "GET" in methods:
            methods = [*methods, "HEAD"]
        if request["method"] not in methods:
            return False
        for name, path in conditions.get("parameters", {}).items():
            value = find(claims, path)
            wanted = [self.text(v) for v in as_list(value) if value is not None]
            if request["variables"].get(name) not in wanted:
                return False
        for path, values in conditions.get("claims", {}).items():
            value = find(claims, path)
            if value is None or not {self.text(v) for v in as_list(value)} & {self.text(v) for v in as_list(values)}:
                return False
        ranges = conditions.get("client_addresses")
        if ranges is not None and not any(ipaddress.ip_address(request["client"]) in ipaddress.ip_network(r) for r in as_list(ranges)):
            return False
        return True

    @staticmethod
    def text(value):
        return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)

    def decide(self, route, claims, request):
        """(allowed, the rule's name or None)."""
        rules = [(rule.get("name", f"rule-{number:02}"), rule) for number, rule in enumerate(route.get("rules", []), 1)]
        asked = "roles" in route or "permissions" in route
        if not rules and not asked:
            return True, None
        for name, rule in sorted(rules, key=lambda pair: pair[0]):
            if "deny" in rule and self.meets(claims, rule["deny"], request, exactly=True):
                return False, name
        allowing = [(name, rule) for name, rule in rules if "allow" in rule]
        if not allowing:
            return (True, "requirement") if self.meets_identity(claims, route) else (False, None)
        for name, rule in sorted(allowing, key=lambda pair: pair[0]):
            if self.meets_identity(claims, route) and self.meets(claims, rule["allow"], request):
                return True, name
        return False, None

    @staticmethod
    def needs_identity(route):
        keys = {"roles", "permissions", "parameters", "claims"}
        parts = [route, *(part or {} for rule in route.get("rules", []) for part in (rule.get("allow"), rule.get("deny")))]
        return any(keys & set(part) for part in parts)


def normalize(target):
    """The path that a target means, or None when it is refused: RFC 3986's unreserved characters decoded, dot segments resolved, slashes merged."""
    path = target.partition("?")[0]
    if re.search(r"%(2f|5c|00)", path, re.I) or "\\" in path:
        return None
    path = re.sub("%([0-9a-fA-F]{2})", lambda m: chr(int(m[1], 16)) if re.match("[A-Za-z0-9._~-]", chr(int(m[1], 16))) else "%" + m[1].upper(), path)
    segments = []
    parts = path.split("/")[1:]
    for index, part in enumerate(parts):
        last = index == len(parts) - 1
        if part == "..":
            if not segments:
                return None
            segments.pop()
            segments += [""] if last else []
        elif part == ".":
            segments += [""] if last else []
        else:
            segments.append(part)
    return re.sub("/+", "/", "/" + "/".join(segments))


def variables(pattern, path):
    """Of a path that the pattern takes, percent-decoded; None: it takes another path."""
    expression = "".join(f"(?P<{part[1:-1]}>[^/]+)" if part.startswith("{") else re.escape(part) for part in re.split("({[a-z]+})", pattern))
    found = re.fullmatch(expression, path)
    return None if found is None else {name: urllib.parse.unquote(value) for name, value in found.groupdict().items()}
