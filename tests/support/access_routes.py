"""Routes with access rules and claims of identities, drawn by chance."""
ACCESS = {
    "roles": {
        "root": {"includes": "admin", "permissions": "*"},
        "admin": {"includes": ["editor", "auditor"], "permissions": ["users:*"]},
        "editor": {"includes": ["viewer"], "permissions": ["projects:write", "files:*"]},
        "viewer": {"permissions": ["projects:read", "files:docs:read"]},
        "auditor": {"permissions": ["audit:read"]},
        "guest": {},
    },
    "claims": {"roles": ["roles", "realm_access.roles"], "permissions": ["permissions", "scope"]},
}
ROLES = [*ACCESS["roles"], "operator"]
PERMISSIONS = ["projects:read", "projects:write", "files:docs:read", "files:docs:write", "users:list", "audit:read", "billing:pay", "solo"]
HELD = [*PERMISSIONS, "projects:*", "files:*", "files:docs:*", "*", "projects:", "project:*", "Projects:read"]
TENANTS = ["acme", "globex", 7, True]
ADDRESSES = ["10.1.2.3", "10.200.0.1", "192.0.2.77", "2001:db8::5"]
RANGES = ["10.0.0.0/8", "10.1.0.0/16", "192.0.2.64/26", "2001:db8::/32", "0.0.0.0/0", "::/0", "10.200.0.1/32"]


def some(chance, of, most=3):
    return chance.sample(of, chance.randint(1, most))


def identity_conditions(chance, denies=False):
    made = {}
    if chance.random() < 0.7:
        made["roles"] = some(chance, ROLES)
    if not denies and chance.random() < (0.4 if made else 1):
        made["permissions"] = some(chance, PERMISSIONS)
    if made and chance.random() < 0.3:
        made["require"] = "all"
    return made


def conditions(chance, denies=False):
    made = identity_conditions(chance, denies) if chance.random() < 0.6 else {}
    if chance.random() < 0.3:
        made["methods"] = some(chance, ["GET", "HEAD", "POST", "PUT", "DELETE"])
    if chance.random() < 0.25:
        made["parameters"] = {chance.choice(["id", "sub"]): chance.choice(["project", "projects", "org.project"])}
    if chance.random() < 0.25:
        made["client_addresses"] = some(chance, RANGES)
    if chance.random() < 0.2:
        made["claims"] = {chance.choice(["tenant", "org.tenant"]): some(chance, TENANTS, 2)}
    return made


def route(chance, number):
    made = {"path": f"/r{number}/{{id}}/x-y/{{sub}}", "respond": {"status": 200, "body": "ok"}}
    if chance.random() < 0.1:
        return made
    if chance.random() < 0.6:
        made |= identity_conditions(chance)
    rules = []
    while chance.random() < 0.6 and len(rules) < 5:
        action = "deny" if chance.random() < 0.3 else "allow"
        what = conditions(chance, action == "deny")
        if what or action == "allow":
            rules.append({action: what} | ({"name": f"n{chance.randint(0, 99)}-{len(rules)}"} if chance.random() < 0.5 else {}))
    asked = "roles" in made or "permissions" in made
    if rules and not asked and not any("allow" in rule for rule in rules):
        rules.append({"allow": conditions(chance)})
    if rules:
        made["rules"] = rules
    return made


def claims(chance):
    made = {}
    if chance.random() < 0.7:
        made["roles"] = chance.choice([some(chance, ROLES), chance.choice(ROLES), [chance.choice(ROLES), 5, None, ["admin"]], {"admin": True}, "viewer editor"])
    if chance.random() < 0.3:
        made["realm_access"] = chance.choice([{"roles": some(chance, ROLES)}, "admin", {}])
    if chance.random() < 0.6:
        made["permissions"] = chance.choice([some(chance, HELD, 4), chance.choice(HELD), []])
    if chance.random() < 0.4:
        made["scope"] = " ".join(some(chance, HELD))
    made["project"] = chance.choice(["p1", "a b", 42, ["p1", "p2"], ""])
    made["projects"] = chance.sample(["p1", "p2", "42", 42, "a b"], 2)
    made["org"] = {"project": chance.choice(["p2", "p1"]), "tenant": chance.choice(TENANTS)}
    if chance.random() < 0.7:
        made["tenant"] = chance.choice([*TENANTS, ["acme", "other"]])
    return made
