#!/usr/bin/env python3
"""Let Open Policy Agent decide hoopguard's requests.  Standard library only.

    relay.py --secret-file hoopguard.secret --opa http://127.0.0.1:8181/v1/data/hoopguard/approval

Takes the webhook, asks OPA {"input": <data of the event>}, and turns the result
into a signed answer.  Only {"allow": true} allows and only {"allow": false}
denies.  No result (which OPA answers with status 200 when no rule applies, or
when the path is misspelled) leaves the request open for people; anything else
is a failed delivery.  README.md says more.
"""

import argparse
import collections
import http.server
import json
import os
import sys
import time
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../approver"))
from approver import (MAX_BODY, UUID, Server, read_cancelled, read_event, read_json,
                      read_secrets, sign, verify)

KEEP = 1000                 # open requests that are asked about again
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def ask_opa(url, event, timeout=2):
    """The answer to hoopguard, or ValueError."""
    body = json.dumps({"input": event["data"]}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    try:
        with DIRECT.open(request, timeout=timeout) as reply:
            said = json.loads(reply.read(MAX_BODY))
    except (OSError, ValueError) as error:
        raise ValueError(f"OPA: {error}") from None
    answer = {"id": event["id"], "binding": event["data"]["binding"],
              "decision": "pending"}
    if not isinstance(said, dict):
        raise ValueError("OPA: not an object")
    if "result" not in said:
        return answer
    result = said["result"]
    if not isinstance(result, dict) or not isinstance(result.get("allow"), bool) or \
            set(result) - {"allow", "reason", "max_rows", "grant_ttl_s"}:
        # a limit that is misspelled must not be a limit that is not there
        raise ValueError("OPA: the result is not one that this relay knows")
    answer["decision"] = "allow" if result["allow"] else "deny"
    answer["reason"] = str(result.get("reason", ""))[:400]
    answer["approver"] = {"id": "opa", "via": str(said.get("decision_id", "opa"))[:100]}
    if "grant_ttl_s" in result:
        answer["grant_ttl_s"] = result["grant_ttl_s"]
    if "max_rows" in result:
        answer["obligations"] = {"max_rows": result["max_rows"]}
    return answer


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 20

    def handle_one_request(self):
        self.server.watch(self.connection)
        super().handle_one_request()

    def log_message(self, format, *args):
        pass

    def reply(self, status, body, msg_id=None):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if msg_id and self.server.response_keys:
            now = str(int(time.time()))
            self.send_header("webhook-id", msg_id)
            self.send_header("webhook-timestamp", now)
            self.send_header("webhook-signature", " ".join(
                sign(key, msg_id, now, body) for key in self.server.response_keys))
        self.end_headers()
        self.wfile.write(body)

    def fail(self, status, text):
        self.close_connection = True
        self.reply(status, json.dumps({"error": text}).encode())

    def decide(self, event):
        try:
            answer = ask_opa(self.server.opa, event)
        except ValueError as error:
            print(error, file=sys.stderr, flush=True)
            self.fail(503, "no answer from the policy")
            return
        self.reply(202 if answer["decision"] == "pending" else 200,
                   json.dumps(answer).encode(), event["id"])

    def do_POST(self):
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MAX_BODY:
            self.fail(413, "too long")
            return
        body = self.rfile.read(int(length))
        wrong = verify(self.server.request_keys, self.headers, body)
        if wrong:
            self.fail(401, wrong)
            return
        try:
            event = read_json(body)
            if event["type"] == "hoopguard.approval.cancelled.v1":
                self.server.known.pop(read_cancelled(event)[0], None)
                self.reply(200, b"{}")
                return
            event = read_event(body)
        except ValueError:
            self.fail(400, "not a request for approval")
            return
        self.server.known[event["id"]] = event
        while len(self.server.known) > KEEP:
            self.server.known.popitem(last=False)
        self.decide(event)

    def do_GET(self):
        msg_id = self.path.rpartition("/")[2]
        wrong = verify(self.server.request_keys, self.headers, b"")
        if wrong or self.headers["webhook-id"] != msg_id or not UUID.fullmatch(msg_id):
            self.fail(401, wrong or "signed for another request")
        elif msg_id not in self.server.known:
            self.fail(404, "unknown request")
        else:
            self.decide(self.server.known[msg_id])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--port", type=int, default=8198)
    parser.add_argument("--secret-file", required=True)
    parser.add_argument("--opa", metavar="URL",
                        default="http://127.0.0.1:8181/v1/data/hoopguard/approval")
    args = parser.parse_args()
    server = Server(("127.0.0.1", args.port), Handler)
    server.request_keys, server.response_keys = read_secrets(args.secret_file)
    server.opa = args.opa
    server.known = collections.OrderedDict()
    print(f"relay to {args.opa} on http://127.0.0.1:{args.port}/hook", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
