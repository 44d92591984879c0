#!/usr/bin/env python3
"""A webhook that people are slow behind, and a policy engine.

    event_stub.py PORT SECRET_FILE LOG

/hold answers a request with allow, and /holddeny with deny, once the file
LOG.go exists; /pend leaves it open.  News that a request was cancelled gets
503 while LOG.refuse exists, else 204, and by /talk an "allow" for the request
and 100 kB more.  /policy answers as Open Policy Agent does, unsigned, with the
file LOG.policy: a line with the status, then the body.  Each request is logged
as one JSON line.
"""
import base64
import hashlib
import hmac
import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT, SECRET_FILE, LOG = int(sys.argv[1]), sys.argv[2], sys.argv[3]
KEYS = {}
for line in open(SECRET_FILE, encoding="ascii"):
    words = line.split()
    KEYS["response" if words[0] == "response" else "request"] = \
        base64.b64decode(words[-1].removeprefix("whsec_"))
LOCK = threading.Lock()


def sign(key, ident, at, body):
    digest = hmac.new(key, f"{ident}.{at}.".encode() + body, hashlib.sha256)
    return "v1," + base64.b64encode(digest.digest()).decode()


class Stub(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def note(self, body, what):
        ident = self.headers.get("webhook-id", "")
        at = self.headers.get("webhook-timestamp", "")
        good = self.headers.get("webhook-signature", "") == sign(
            KEYS["request"], ident, at, body)
        entry = {"what": what, "path": self.path, "id": ident, "good": good,
                 "kind": self.headers.get("Content-Type", ""), "body": body.decode()}
        with LOCK, open(LOG, "a", encoding="utf-8") as log:
            log.write(json.dumps(entry) + "\n")

    def send(self, status, body=b"", signed=None):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        if signed:
            at = str(int(time.time()))
            self.send_header("webhook-id", signed)
            self.send_header("webhook-timestamp", at)
            self.send_header("webhook-signature",
                             sign(KEYS["response"], signed, at, body))
        self.end_headers()
        try:
            self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def do_GET(self):
        self.note(b"", "poll")
        self.send(202)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        mode = self.path.strip("/").split("/")[0]
        event = json.loads(body)
        if event.get("type") == "hoopguard.approval.cancelled.v1":
            refuse = os.path.exists(LOG + ".refuse")
            self.note(body, "refused news" if refuse else "news")
            data = event["data"]
            if refuse:
                self.send(503)
            elif mode == "talk":
                reply = {"id": data["request_id"], "binding": data["binding"],
                         "decision": "allow", "reason": "x" * 100000}
                self.send(200, json.dumps(reply).encode(), data["request_id"])
            else:
                self.send(204)
            return
        self.note(body, "request")
        if mode == "policy":
            with open(LOG + ".policy", "rb") as file:
                status, _, text = file.read().partition(b"\n")
            self.send(int(status), text)
            return
        if not mode.startswith("hold"):
            self.send(202)
            return
        while not os.path.exists(LOG + ".go"):
            time.sleep(0.02)
        reply = {"id": event["id"], "binding": event["data"]["binding"],
                 "decision": "deny" if mode == "holddeny" else "allow",
                 "approver": {"id": "stub@test"}}
        self.send(200, json.dumps(reply).encode(), event["id"])
        self.note(body, "answered")


ThreadingHTTPServer(("127.0.0.1", PORT), Stub).serve_forever()
