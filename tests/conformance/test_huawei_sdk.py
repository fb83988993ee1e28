"""Huawei Cloud's own Python SDK beside us: its signatures are ours, and it is a client of the fake cloud that our tests use."""
import datetime
import json
import random
import subprocess
import types

import pytest
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.exceptions import exceptions
from huaweicloudsdkcore.http.http_config import HttpConfig
from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer
from huaweicloudsdkecs.v2 import (CreateServersRequest, CreateServersRequestBody, DeleteServersRequest, DeleteServersRequestBody, EcsClient,
                                  ListServersDetailsRequest, PrePaidServer, PrePaidServerNic, PrePaidServerRootVolume, ServerId,
                                  ShowJobRequest)

from support import gateway
from support.huawei import PROJECT, REGION, Huawei

KEYS = {"AKTEST": "SKTEST"}
# Characters that are encoded, and those that are not.
LETTERS = "abcXYZ019-._~ /+%&=?#@:;,!*'()$[]{}|\\^`\"<>äß漢🙂"


def random_text(rng, most=12, letters=LETTERS):
    return "".join(rng.choice(letters) for _ in range(rng.randrange(most)))


def random_request(rng):
    when = datetime.datetime(2026, 1, 1) + datetime.timedelta(seconds=rng.randrange(10 ** 8))
    headers = {"X-Sdk-Date": when.strftime("%Y%m%dT%H%M%SZ"), "Content-Type": rng.choice(["application/json", "application/json;charset=utf8", "text/plain"])}
    for _ in range(rng.randrange(5)):
        headers[rng.choice(["X-", "x-", "X-Custom-", "x_under_"]) + random_text(rng, 8, "abcXYZ-09") + "q"] = \
            rng.choice(["", " "]) + random_text(rng, 20, "abc XYZ09-._~,;=\"ä漢") + rng.choice(["", "  "])
    # Names that differ in case only are one header to HTTP, and two to the SDK.
    headers = {name: value for name, value in headers.items() if [n.lower() for n in headers].count(name.lower()) == 1}
    path = "/" + "/".join(random_text(rng, 10, "abcXYZ019-._~ +%&=@:äß漢".replace("%", "")) for _ in range(rng.randrange(5)))
    if rng.random() < 0.5:
        path += "/" * rng.randrange(2) + rng.choice(["%20", "%7e", "%2F", "%E6%BC%A2", "%"]) + rng.choice(["", "/"])
    query = [(random_text(rng, 6) + "k", random_text(rng)) for _ in range(rng.randrange(6))]
    if query and rng.random() < 0.3:
        query.append((query[0][0], random_text(rng)))
    body = rng.choice(["", json.dumps({"server": {"name": random_text(rng)}}, ensure_ascii=rng.random() < 0.5), random_text(rng, 200)])
    return {"method": rng.choice(["GET", "POST", "PUT", "DELETE", "PATCH"]), "path": path, "query": query, "headers": headers, "body": body,
            "access": random_text(rng, 20, "ABCDEFGH0123") + "A", "secret": random_text(rng, 80) + "s"}


def test_signatures_of_1000_random_requests_equal_the_sdks():
    rng = random.Random(20261126)
    lines, expected = [], []
    for _ in range(1000):
        made = random_request(rng)
        request = SdkRequest(method=made["method"], schema="https", host="ecs.cn-north-4.myhuaweicloud.com", resource_path=made["path"],
                             query_params=list(made["query"]), header_params=dict(made["headers"]), body=made["body"])
        Signer(types.SimpleNamespace(ak=made["access"], sk=made["secret"])).sign(request)
        sent = {name: value for name, value in request.header_params.items() if name != "Authorization"}
        # The SDK keeps values as Latin-1 for its HTTP library: back to the text that it signed.
        sent = [[name, value.encode("iso-8859-1").decode()] for name, value in sent.items()]
        lines.append(json.dumps({**made, "headers": sent}))
        expected.append((request.header_params["Authorization"], request.uri.partition("?")[2]))
    done = subprocess.run([gateway.BUILD / "bin/huawei_sign"], input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    ours = [tuple(line.split("\t")) for line in done.stdout.splitlines()]
    assert len(ours) == 1000
    for i, (mine, theirs) in enumerate(zip(ours, expected)):
        assert mine[0] == theirs[0], lines[i]
        # A path with '?' in it is none that is sent.
        assert "?" in json.loads(lines[i])["path"] or mine[1] == theirs[1], lines[i]


@pytest.fixture
def fake():
    made = Huawei(keys=KEYS, temporary={"AKTEMP": ("SKTEMP", "TOKENTEMP")})
    yield made
    made.stop()


def client(fake, credentials):
    config = HttpConfig.get_default_config()
    config.timeout = (5, 10)
    return EcsClient.new_builder().with_http_config(config).with_credentials(credentials).with_endpoint(fake.url).build()


def test_the_sdk_lists_servers_of_the_fake(fake):
    for i in range(30):
        fake.add_server(f"web-{i}", f"10.0.0.{i + 1}", floating="1.2.3.4" if i == 0 else None, tags=["role=web"])
    fake.add_server("other", "10.9.9.9")
    ecs = client(fake, BasicCredentials("AKTEST", "SKTEST", PROJECT))
    page = ecs.list_servers_details(ListServersDetailsRequest(tags="role=web", limit=20, offset=2, name="web"))
    assert page.count == 30 and len(page.servers) == 10
    assert page.servers[0].addresses["vpc-1"][0].addr == "10.0.0.21"
    assert page.servers[0].tags == ["role=web"] and page.servers[0].status == "ACTIVE" and page.servers[0].flavor.id == "s6.small.1"
    first = ecs.list_servers_details(ListServersDetailsRequest(limit=20))
    kinds = [address.os_ext_ip_stype for address in first.servers[0].addresses["vpc-1"]]
    assert kinds == ["fixed", "floating"]


def test_the_sdk_finds_the_project_with_temporary_keys(fake):
    credentials = BasicCredentials("AKTEMP", "SKTEMP").with_security_token("TOKENTEMP").with_iam_endpoint(fake.url)
    config = HttpConfig.get_default_config()
    from huaweicloudsdkcore.region.region import Region
    ecs = EcsClient.new_builder().with_http_config(config).with_credentials(credentials).with_region(Region(REGION, fake.url)).build()
    assert ecs.list_servers_details(ListServersDetailsRequest()).count == 0
    assert fake.count(r"GET /v3/projects\?name=cn-north-4") == 1


def test_the_sdk_makes_and_deletes_servers_of_the_fake(fake):
    ecs = client(fake, BasicCredentials("AKTEST", "SKTEST", PROJECT))
    server = PrePaidServer(name="app", image_ref="img", flavor_ref="s6.small.1", vpcid="vpc-1", nics=[PrePaidServerNic(subnet_id="net")],
                           root_volume=PrePaidServerRootVolume(volumetype="SSD"), count=2)
    made = ecs.create_servers(CreateServersRequest(body=CreateServersRequestBody(server=server)))
    assert made.job_id and len(made.server_ids) == 2
    states = [ecs.show_job(ShowJobRequest(job_id=made.job_id)) for _ in range(3)]
    assert [state.status for state in states] == ["INIT", "RUNNING", "SUCCESS"]
    assert states[-1].entities.sub_jobs_total == 2 and states[-1].entities.sub_jobs[0].status == "SUCCESS"
    assert {s.status for s in ecs.list_servers_details(ListServersDetailsRequest()).servers} == {"ACTIVE"}
    body = DeleteServersRequestBody(servers=[ServerId(id=made.server_ids[0])], delete_publicip=False, delete_volume=True)
    gone = ecs.delete_servers(DeleteServersRequest(body=body))
    for _ in range(3):
        ecs.show_job(ShowJobRequest(job_id=gone.job_id))
    assert ecs.list_servers_details(ListServersDetailsRequest()).count == 1


@pytest.mark.parametrize("access, secret, offset_s", [("AKTEST", "WRONG", 0), ("NOBODY", "SKTEST", 0), ("AKTEST", "SKTEST", 16 * 60), ("AKTEMP", "SKTEMP", 0)])
def test_the_fake_refuses_the_sdk_with_wrong_credentials(fake, access, secret, offset_s):
    fake.clock_offset_s = offset_s
    with pytest.raises(exceptions.ClientRequestException) as caught:
        client(fake, BasicCredentials(access, secret, PROJECT)).list_servers_details(ListServersDetailsRequest())
    assert caught.value.status_code == 401 and caught.value.error_code == "APIGW.0301"


def test_the_sdk_reads_the_fakes_other_refusals(fake):
    ecs = client(fake, BasicCredentials("AKTEST", "SKTEST", PROJECT))
    with pytest.raises(exceptions.ClientRequestException) as caught:
        ecs.show_job(ShowJobRequest(job_id="none"))
    assert (caught.value.status_code, caught.value.error_code) == (400, "Ecs.0013")
    with pytest.raises(exceptions.ClientRequestException) as caught:
        client(fake, BasicCredentials("AKTEST", "SKTEST", "otherproject")).list_servers_details(ListServersDetailsRequest())
    assert caught.value.status_code == 403 and "doesn't allow" in caught.value.error_msg
