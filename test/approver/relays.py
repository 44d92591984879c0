#!/usr/bin/env python3
"""The relays of examples/opa and examples/slack.  relays.py DIRECTORY SECRETS
CONNINFO-OF-RELAY CONNINFO-OF-AGENT CONNINFO-OF-DBA; prints TAP lines."""

import base64
import hashlib
import hmac
import http.server
import json
import os
import subprocess
import sys
import threading
import time
import urllib.parse

import psycopg

import pages
from pages import HERE, Approver, cancelled, event, free_port, ok

EXAMPLES = os.path.join(HERE, "../../examples")


class Opa(http.server.BaseHTTPRequestHandler):
    """What OPA's REST API answers, as far as the relay needs it."""
    answer = (200, b"{}")
    heard = None

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        Opa.heard = (self.path, body)
        status, text = Opa.answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *args):
        pass


class Relay(Approver):
    """A relay in place of the approver; the courier's side is the same."""

    def __init__(self, program, secret, *args):
        self.port = free_port()
        self.dir = os.path.dirname(secret)
        with open(secret, encoding="ascii") as file:
            self.keys = [base64.b64decode(line.split("whsec_")[1])
                         for line in file.read().split("\n") if line]
        self.log = open(os.path.join(self.dir, "relay.log"), "a", encoding="utf-8")
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(EXAMPLES, program), "--port", str(self.port),
             "--secret-file", secret, *args], stdout=subprocess.PIPE, stderr=self.log)
        self.process.stdout.readline()


def opa(secret):
    stub = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Opa)
    threading.Thread(target=stub.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{stub.server_address[1]}/v1/data/hoopguard/approval"
    relay = Relay("opa/relay.py", secret, "--opa", url)
    one = event()

    def says(result, status=200):
        Opa.answer = (status, result if isinstance(result, bytes)
                      else json.dumps(result).encode())
        answer = relay.post(one)
        return answer[0], json.loads(answer[2]), answer

    status, reply, answer = says({"decision_id": "d1", "result": {
        "allow": True, "reason": "small", "max_rows": 10, "grant_ttl_s": 300}})
    ok(status == 200 and reply["decision"] == "allow" and reply["id"] == one["id"]
       and reply["binding"] == one["data"]["binding"] and reply["reason"] == "small"
       and reply["obligations"] == {"max_rows": 10} and reply["grant_ttl_s"] == 300
       and relay.signed_well(answer, one), "opa: allow, bound, narrowed and signed", reply)
    ok(Opa.heard == ("/v1/data/hoopguard/approval", {"input": one["data"]}),
       "opa: the input is the event's data", Opa.heard)
    ok(says({"result": {"allow": False, "reason": "no"}})[1]["decision"] == "deny", "opa: deny")
    ok(says({})[0] == 202, "opa: no result is left to people")
    Opa.answer = (200, b'{"result": {"allow": true}}')
    ok(json.loads(relay.poll(one)[2])["decision"] == "allow", "opa: a poll asks again")
    for name, result, status in (
            ("true", {"result": True}, 200), ("a word", {"result": {"allow": "true"}}, 200),
            ("a number", {"result": {"allow": 1}}, 200), ("null", {"result": None}, 200),
            ("a misspelled limit", {"result": {"allow": True, "maxrows": 1}}, 200),
            ("no JSON", b"yes", 200), ("a list", [True], 200), ("nothing", b"", 200),
            ("an error", {"result": {"allow": True}}, 500)):
        ok(says(result, status)[0] == 503, f"opa: {name} decides nothing")
    body = json.dumps(one).encode()
    ok(relay.raw("POST", "/hook", body)[0] == 401, "opa: unsigned requests are refused")
    ok(relay.raw("POST", "/hook", b"{}", relay.headers("a", b"{}"))[0] == 400, "opa: garbage too")
    ok(relay.poll(event())[0] == 404, "opa: an unknown request")
    gone = event()
    relay.post(gone)
    ok(relay.post(cancelled(gone))[0] == 200 and relay.poll(gone)[0] == 404,
       "opa: a request that was given up is forgotten")
    stub.shutdown()
    stub.server_close()
    ok(relay.post(one)[0] == 503, "opa: nobody there decides nothing")
    relay.stop()


def slack(secret, directory, as_relay, as_agent, as_dba):
    file = os.path.join(directory, "slack.secret")
    with open(file, "w", encoding="ascii") as out:
        out.write("8f742231b10e8888abcd99yyyzzz85a5\n")
    os.chmod(file, 0o600)
    key = b"8f742231b10e8888abcd99yyyzzz85a5"
    relay = Relay("slack/relay.py", secret, "--slack-secret-file", file,
                  "--user", "U024BE7LH=alice@example.com", as_relay)
    dba = psycopg.connect(as_dba, autocommit=True)
    agent = psycopg.connect(as_agent, autocommit=True)

    def request(row):
        try:
            agent.execute("UPDATE store.customer SET city = 'Porto'"
                          f" WHERE customer_id = {row}")
        except psycopg.Error as error:
            detail = json.loads(error.diag.message_detail)
            return detail["approval"], dba.execute(
                "SELECT binding FROM hoopguard.approval WHERE id = %s",
                [detail["approval"]]).fetchone()[0]
        return None, None

    def click(request, binding, action="hoopguard_allow", user="U024BE7LH", at=None,
              key=key, change=b""):
        body = urllib.parse.urlencode({"payload": json.dumps({
            "type": "block_actions", "user": {"id": user},
            "actions": [{"action_id": action, "value": f"{request} {binding}"}]})}).encode()
        at = str(int(time.time() if at is None else at))
        mac = hmac.new(key, b"v0:" + at.encode() + b":" + body, hashlib.sha256)
        status, _, text = relay.raw("POST", "/", body + change, {
            "X-Slack-Request-Timestamp": at, "X-Slack-Signature": "v0=" + mac.hexdigest()})
        return status, json.loads(text)["text"]

    def state(request):
        return dba.execute("SELECT state || ' ' || coalesce(decided_by, '') FROM"
                           " hoopguard.approval WHERE id = %s", [request]).fetchone()[0]

    one, binding = request(1)
    for name, more in (("another secret", {"key": b"x"}), ("an old time", {"at": time.time() - 400}),
                       ("a time to come", {"at": time.time() + 400}),
                       ("a changed body", {"change": b" "})):
        ok(click(one, binding, **more)[0] == 401, f"slack: {name}: 401")
    ok(click(one, binding, action="other")[0] == 400, "slack: another button: 400")
    ok("may not" in click(one, binding, user="U1")[1], "slack: another person may not")
    ok("not valid" in click(one, "sha256:" + "0" * 64)[1], "slack: nor for another statement")
    ok(state(one) == "pending ", "slack: none of them decided anything", state(one))
    answer = click(one, binding)
    ok(answer == (200, "The request is approved."), "slack: a click approves", answer)
    ok(state(one) == "approved alice@example.com", "slack: in the person's name", state(one))
    ok(click(one, binding)[1] == "The request is approved.", "slack: twice is once")
    ok(request(1) == (None, None), "slack: the statement runs")
    ok("Too late" in click(one, binding, "hoopguard_deny")[1], "slack: then it is too late")
    two, binding = request(2)
    ok(click(two, binding, "hoopguard_deny")[1] == "The request is denied.", "slack: a click denies")
    relay.stop()


def main():
    directory, secret, *servers = sys.argv[1:]
    opa(secret)
    slack(secret, directory, *servers)
    with open(os.path.join(os.path.dirname(secret), "relay.log"), encoding="utf-8") as file:
        log = file.read()
    ok("Traceback" not in log, "nothing was raised in the relays", log)
    print(f"1..{pages.tests}")


if __name__ == "__main__":
    main()
