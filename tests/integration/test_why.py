"""gatewayctl why: data planes are asked over their agent sessions, here mostly spoken by a stock gRPC client."""
import json
import re
import socket
import time

import grpc
import pytest
from support.agent import Agent, Attempt, Failure, NodeMessage, admin_calls, found
from support.faulty import FaultyBackend
from support.gateway import PATIENCE_S, ROOT, ctl, get, wait_until

SERVICES = "services:\n  s:\n    instances:\n      - url: http://127.0.0.1:9001\n"
ROUTES = "routes:\n  - path: /a\n    service: s\n"
WAIT_S = 2  # as the control plane waits for data planes
QUERIES_MAX, ID_MAX, NOT_FOUND, UNKNOWN = 32, 256, 66, 75


@pytest.fixture
def control(stage):
    made = stage.control_plane(ROUTES, SERVICES)
    made.wait_for_ports()
    return made


@pytest.fixture
def agent(control):
    """Opens agent sessions."""
    opened = []

    def open_session(node_id, answer=None, **kw):
        opened.append(Agent(control.xds(), node_id, answer, **kw))
        return opened[-1]

    yield open_session
    for one in opened:
        one.close()


@pytest.fixture
def ask(control):
    with admin_calls(control) as find_failures:
        yield find_failures


def none(question):
    return found(question)


def failed_at(at_ms, **fields):
    return lambda question: found(question, Failure(request_id=question.request_id, at_ms=at_ms, **fields))


def code_of(call):
    with pytest.raises(grpc.RpcError) as caught:
        call.result(PATIENCE_S)
    return caught.value.code(), caught.value.details()


RETRIED = {
    "duration_ms": 1234, "method": "GET", "authority": "shop.example", "path": "/cart", "client": "10.1.2.3:4711", "route": "cart", "service": "shop",
    "status": 503, "flags": "UF,URX", "detail": "upstream_reset_before_response_started{remote_connection_failure,Connection_refused}",
    "snapshot_version": "0123456789abcdef", "attempt_count": 12,
    "attempts": [
        Attempt(number=1, endpoint="10.0.0.1:80", phase="RESPONSE", reused=True, idle_ms=15250, duration_ms=7, flags="UC",
                detail="upstream_reset_before_response_started{connection_termination,reused,idle_ms=15250}"),
        Attempt(number=2, endpoint="10.0.0.2:80", phase="RESPONSE", duration_ms=75000, flags="UT", detail="upstream_per_try_timeout"),
        Attempt(number=3, endpoint="10.0.0.2:80", phase="REQUEST", duration_ms=1, flags="UC",
                detail="upstream_reset_before_response_started{remote_reset}"),
        Attempt(number=4, endpoint="10.0.0.3:80", phase="RESPONSE", duration_ms=8, status=502, flags="-", detail="via_upstream"),
        Attempt(number=12, endpoint="10.0.0.1:80", phase="CONNECT", duration_ms=2, flags="UF",
                detail="upstream_reset_before_response_started{remote_connection_failure,Connection_refused}"),
    ],
}


def test_why_tells_all_of_it_in_words(control, agent):
    agent("edge-1", failed_at(1764104062123, **RETRIED))
    out = control.ctl("why", "the-id", check=0).stdout
    assert out == """\
Request the-id, as data planes remember it:

2025-11-25T20:54:22.123Z, data plane edge-1 (cluster tests)
  request        GET shop.example/cart, from 10.1.2.3:4711
  route          cart
  service        shop
  answer         503, after 1.23s
  why            no connection could be made: Connection refused
  flags          UF: no connection to an instance could be made
                 URX: it would have been tried again, but the retries were used up
  detail         upstream_reset_before_response_started{remote_connection_failure,Connection_refused}
  limit          retries: attempts (GATEWAY_RETRY_ATTEMPTS)
                 timeouts: per_try
  configuration  0123456789abcdef
  tries          12, of which not all are remembered
  try 1          10.0.0.1:80, on a reused connection that had been idle for 15.25s, waiting for the answer, failed after 7ms: \
the instance closed the connection before it had answered (UC)
  try 2          10.0.0.2:80, on a new connection, waiting for the answer, failed after 1m 15s: \
the instance did not begin to answer within the time of one try (UT)
  try 3          10.0.0.2:80, on a new connection, sending the request, failed after 1ms: the instance reset the connection before it had answered (UC)
  try 4          10.0.0.3:80, on a new connection, answered 502 after 8ms
  try 12         10.0.0.1:80, connecting, failed after 2ms: no connection could be made: Connection refused (UF)
"""


def test_request_without_route_and_answer_is_told_as_such(control, agent):
    agent("edge-1", failed_at(2**64 - 1, detail="from_the_future", flags="DC,XX"), cluster="")
    out = control.ctl("why", "id", check=0).stdout
    assert "\nat an unknown time, data plane edge-1\n" in out
    for line in ("request        not understood", "route          none", "answer         the client was told nothing, after 0ms",
                 "why            from_the_future", "flags          DC: the client left before its answer was complete", "               XX",
                 "tries          none: no instance was asked"):
        assert f"  {line}\n" in out
    assert "service" not in out and "limit" not in out


def test_failures_of_several_nodes_come_in_the_order_of_time(control, agent):
    agent("late", failed_at(3000))
    agent("twice", lambda question: found(question, Failure(at_ms=1000), Failure(at_ms=4000)))
    agent("early", failed_at(2000))
    agent("without", none)
    told = json.loads(control.ctl("why", "id", "-o", "json", check=0).stdout)
    assert [(one["node_id"], one["failure"]["at_ms"]) for one in told["failures"]] == [("twice", 1000), ("early", 2000), ("late", 3000), ("twice", 4000)]
    assert told["failures"][0]["node_cluster"] == "tests"
    assert (told["asked_nodes"], told["silent_nodes"], told["left_out_failures"]) == (4, [], 0)


def test_silent_node_is_named_after_the_wait_and_the_others_are_heard(control, agent):
    agent("heard", failed_at(1))
    agent("deaf")  # as a data plane that is older than the question
    agent("half", lambda question: found(question, Failure(at_ms=2), silent_workers=1))
    start = time.monotonic()
    out = control.ctl("why", "id", check=0).stdout
    assert time.monotonic() - start >= WAIT_S
    assert "data plane heard" in out and "data plane half" in out
    last = out.splitlines()[-1]
    assert last.startswith("2 of 3 data planes did not answer") and set(last.rpartition(": ")[2].split(", ")) == {"deaf", "half"}


def test_node_that_closes_is_silent_and_not_waited_for(agent, ask):
    agent("heard", failed_at(1))
    leaving = agent("leaving")
    asked = ask("id")
    leaving.next_question()
    start = time.monotonic()
    leaving.close()
    answer = asked.result(PATIENCE_S)
    assert time.monotonic() - start < WAIT_S
    assert list(answer.silent_nodes) == ["leaving"] and len(answer.failures) == 1


def test_wrong_late_and_second_answers_are_ignored(agent, ask):
    late = agent("late")
    asked = ask("first")
    first = late.next_question()
    assert first.request_id == "first"
    late.found(first.query_id + 1, Failure(at_ms=1))
    late.found(2**64 - 1, Failure(at_ms=2))
    assert list(asked.result(PATIENCE_S).silent_nodes) == ["late"]
    late.found(first.query_id, Failure(at_ms=3))
    asked = ask("second")
    second = late.next_question()
    late.found(first.query_id, Failure(at_ms=4))
    late.found(second.query_id, Failure(at_ms=5))
    late.found(second.query_id, Failure(at_ms=6))
    answer = asked.result(PATIENCE_S)
    assert [one.failure.at_ms for one in answer.failures] == [5] and not answer.silent_nodes


def test_answer_to_nobodys_question_before_hello_ends_the_session(control):
    with grpc.insecure_channel(control.xds()) as channel:
        session = channel.stream_stream("/gateway.agent.v1.Agent/Session", NodeMessage.SerializeToString, bytes)
        call = session(iter([NodeMessage(found_failures={"query_id": 1})]), timeout=PATIENCE_S)
        with pytest.raises(grpc.RpcError) as caught:
            list(call)
    assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION


# --- nothing found ---

def test_nothing_found_is_66_and_says_what_that_means(control, agent):
    agent("one", none)
    agent("two", none)
    out = control.ctl("why", "no-such-id", check=NOT_FOUND).stdout
    for words in ("no-such-id has not failed", "forgotten", "512", "x-request-id", "request_id of the access log"):
        assert words in out
    told = json.loads(control.ctl("why", "no-such-id", "-o", "json", check=NOT_FOUND).stdout)
    assert told["failures"] == [] and told["asked_nodes"] == 2


def test_nothing_found_with_silent_nodes_is_75_for_it_is_not_known(control, agent):
    agent("deaf")
    out = control.ctl("why", "id", check=UNKNOWN).stdout
    assert "no data plane has answered in full" in out and out.splitlines()[-1].endswith(": deaf")
    agent("heard", none)
    out = control.ctl("why", "id", check=UNKNOWN).stdout
    assert "has not failed" in out and "1 of 2 data planes did not answer" in out


def test_without_data_planes_nobody_can_be_asked(control):
    assert "no data plane is connected" in control.ctl("why", "id", check=NOT_FOUND).stdout


# --- limits ---

def test_request_id_of_a_wrong_length_is_refused_with_what_is_allowed(control, agent, ask):
    heard = agent("heard", none)
    for request_id in ("", "x" * (ID_MAX + 1)):
        code, details = code_of(ask(request_id))
        assert code == grpc.StatusCode.INVALID_ARGUMENT
        assert f"1 to {ID_MAX} are allowed" in details
    assert "1 to 256 are allowed" in control.ctl("why", "", check=70).stderr
    assert not ask("x" * ID_MAX).result(PATIENCE_S).failures
    assert heard.next_question().request_id == "x" * ID_MAX


def test_too_many_questions_at_once_are_refused_until_their_clients_leave(control, agent, ask):
    deaf = agent("deaf")
    calls = [ask("id") for _ in range(QUERIES_MAX)]
    questions = [deaf.next_question() for _ in range(QUERIES_MAX)]
    assert len({question.query_id for question in questions}) == QUERIES_MAX
    code, details = code_of(ask("id"))
    assert code == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert f"{QUERIES_MAX} questions" in details
    for call in calls:
        call.cancel()  # the client goes away before the answer

    def again():
        answer = ask("again").exception(PATIENCE_S)
        return answer is None or answer.code() != grpc.StatusCode.RESOURCE_EXHAUSTED

    wait_until(again, "the places of those who have left")
    for question in questions:
        deaf.found(question.query_id, Failure(at_ms=1))  # nobody wants it any more
    assert control.ctl("status", check=0)


def test_what_a_node_sends_is_bounded(agent, ask):
    attempts = [Attempt(number=i + 1, detail="d" * 2000) for i in range(50)]
    agent("flood", lambda question: found(question, *[Failure(at_ms=i + 1, path="/" + "é" * 5000, attempts=attempts) for i in range(100)]))
    answer = ask("id").result(PATIENCE_S)
    assert len(answer.failures) + answer.left_out_failures == 100
    assert 0 < len(answer.failures) <= 32 and answer.ByteSize() < 2 * 1024 * 1024
    kept = answer.failures[0].failure
    assert len(kept.path.encode()) <= 1024 and kept.path.endswith("é…")
    assert len(kept.attempts) == 16 and kept.attempts[-1].number == 50
    assert [one.failure.at_ms for one in answer.failures] == sorted(one.failure.at_ms for one in answer.failures)


def test_node_that_sends_more_than_a_message_may_have_is_silent_and_its_session_over(agent, ask):
    flood = agent("flood", lambda question: found(question, Failure(path="x" * (17 * 1024 * 1024))))
    assert list(ask("id").result(PATIENCE_S).silent_nodes) == ["flood"]
    wait_until(lambda: flood.call.code() == grpc.StatusCode.RESOURCE_EXHAUSTED, "the session's end")


def test_left_out_failures_are_told(control, agent):
    agent("many", lambda question: found(question, *[Failure(at_ms=i + 1) for i in range(40)]))
    assert control.ctl("why", "id", check=0).stdout.endswith("\n8 more with this id are left out: too many to be told.\n")


# --- strangers' text, and strangers ---

def test_control_characters_never_reach_the_terminal(control, agent):
    evil = "\x1b[2J\x07\r\n\x9b31m\u202ex\u2028"
    fields = {name: evil for name in ("method", "authority", "path", "client", "route", "service", "flags", "detail", "snapshot_version")}
    agent(f"node{evil}", failed_at(1, **fields, attempt_count=1, attempts=[Attempt(number=1, endpoint=evil, flags=evil, detail=evil)]), cluster=evil)
    agent(f"deaf{evil}")
    bad = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u2028]")
    out = control.ctl("why", f"id{evil}", check=0).stdout
    assert "?[2J" in out and not bad.search(out)
    out = control.ctl("why", f"id{evil}", "-o", "json", check=0).stdout
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", out)
    assert json.loads(out)["failures"][0]["failure"]["path"] == evil


def test_token_is_needed(control, agent, ask, tmp_path):
    heard = agent("heard", none)
    assert code_of(ask("id", token="wrong"))[0] == grpc.StatusCode.UNAUTHENTICATED
    wrong = tmp_path / "wrong"
    wrong.write_text("wrong\n")
    wrong.chmod(0o600)
    ctl("--admin", f"127.0.0.1:{control.ports()['admin']}", "--token-file", wrong, "why", "id", check=77)
    assert heard.asked.empty()


@pytest.mark.parametrize("args", [["why"], ["why", "a", "b"], ["why", "a", "--strict"]])
def test_usage_mistakes_are_64(args):
    ctl(*args, check=64)


# --- words ---

REQUEST_H2 = {"http2.too_many_headers", "http2.head_too_large", "http2.host_differs", "http2.no_authority", "http2.bad_authority", "http2.bad_target",
              "http2.malformed_request"}  # the others are of a connection: they have a log line of their own


def details_in_the_source():
    """What our own code gives as %RESPONSE_CODE_DETAILS%, found as it is written."""
    def words(folder, *patterns):
        text = "".join(path.read_text() for path in sorted((ROOT / folder).rglob("*.c")))
        return {word for pattern in patterns for code in re.findall(pattern, text) for word in re.findall(r'"([\w.]+)"', code)}

    assigned, refused = r"detail = [^;,]*GW_STR\([^;,]*[;,]", r"\b(?:refuse|fail)\(stream, \d+, .*"
    codec = {word for word in words("common/http", r'GW_STR\("http.*') if word.startswith("http1.") or word in REQUEST_H2}
    requests = codec | {word for folder in ("downstream", "pipeline", "filters") for word in words(f"dataplane/{folder}", assigned, refused)}
    requests |= words("common/routing", r"\banswer\(ret_answer, \d+, .*")
    answers = words("dataplane/upstream", assigned, r"fail_protocol\(.*") | {word for word in codec if word.startswith("http1.")}
    resets = words("dataplane/upstream", r"fail_reset\(.*") | {f"protocol_error,{word}" for word in answers}
    return sorted(requests) + [f"upstream_reset_before_response_started{{{word}}}" for word in sorted(resets)]


def test_every_detail_that_our_code_gives_has_words(control, agent):
    details = details_in_the_source()
    assert len(details) > 80 and {"route_not_found", "overload", "http1.bad_chunk", "request_uri_too_long", "circuit_breaker_open"} <= set(details)
    chunks = [details[i:i + 32] for i in range(0, len(details), 32)]
    agent("edge", lambda question: found(question, *[Failure(at_ms=i + 1, detail=detail) for i, detail in enumerate(chunks[int(question.request_id)])]))
    without = []
    for i, chunk in enumerate(chunks):
        out = control.ctl("why", str(i), check=0).stdout
        told = re.findall(r"^  why {12}(.*)$", out, re.M)
        assert len(told) == len(chunk)
        last_words = [re.findall(r"[\w.]+", detail)[-1] for detail in chunk]
        without += [detail for detail, last, words in zip(chunk, last_words, told) if words == detail or words.endswith(": " + last)]
    assert without == []


# --- with a real data plane ---

def test_real_data_plane_tells_why_a_request_failed_and_why_one_was_retried(stage):
    faulty = FaultyBackend("b")
    stage.started.append(faulty)
    with socket.socket() as bound:  # nobody listens there, and nobody else can
        bound.bind(("127.0.0.1", 0))
        dead = f"127.0.0.1:{bound.getsockname()[1]}"
        services = f'services: {{dead: {{instances: [{{url: "http://{dead}"}}]}}, faulty: {{instances: [{{url: "{faulty.url}"}}]}}}}'
        routes = 'routes: [{path: /dead, service: dead}, {path: /faulty, service: faulty, retries: {on: [503]}}]'
        control, data, port = stage.both(routes, services, workers=2)
        version = data.admin("/config_dump").json()["version"]

        answer = get(port, "/dead?a=b")
        out = control.ctl("why", answer.json()["request_id"], check=0).stdout
        assert re.search(r"^  service +dead$", out, re.M), out
        for word in ("node-1", "GET", "/dead?a=b", "503", f"try 1          {dead}, connecting", "Connection refused", version):
            assert word in out, (word, out)

        faulty.fail(503, times=1)
        assert get(port, "/faulty").status == 200
        line = wait_until(lambda: next((line for line in data.access_log() if line["path"] == "/faulty"), None), "the access log")
        assert line["snapshot"] == version
        found = json.loads(control.ctl("why", line["request_id"], "-o", "json", check=0).stdout)["failures"]
        assert [(len(found), found[0]["failure"]["status"], [attempt["status"] for attempt in found[0]["failure"]["attempts"]])] == [(1, 200, [503, 200])]

        assert get(port, "/faulty").status == 200
        line = wait_until(lambda: next((line for line in data.access_log()[2:] if line["path"] == "/faulty"), None), "the access log")
        control.ctl("why", line["request_id"], check=NOT_FOUND)  # all went well
