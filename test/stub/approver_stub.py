#!/usr/bin/env python3
"""An approver's webhook that behaves as its path says, well or badly.

    approver_stub.py PORT SECRET_FILE LOG

/allow, /deny, /pending answer so; /wait is pending until the file LOG.allow
exists; /garbage, /empty, /other_id, /other_binding, /maybe, /twice, /html,
/huge, /unsigned, /error, /redirect, /missing, /nothing and /busy are wrong in
one way each; /slow answers allow, too late.  What follows the first part of a
path only makes it another URL.  Each request is logged as one JSON line with the result of
the check of its signature.
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
REQUEST = RESPONSE = None
for line in open(SECRET_FILE):
    words = line.split()
    key = base64.b64decode(words[-1].removeprefix("whsec_"))
    if words[0] == "response":
        RESPONSE = key
    else:
        REQUEST = key
LOCK = threading.Lock()
SEEN = {}


def sign(key, ident, at, body):
    digest = hmac.new(key, f"{ident}.{at}.".encode() + body, hashlib.sha256)
    return "v1," + base64.b64encode(digest.digest()).decode()


class Stub(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def note(self, body):
        ident = self.headers.get("webhook-id", "")
        at = self.headers.get("webhook-timestamp", "")
        good = self.headers.get("webhook-signature", "") == sign(
            REQUEST, ident, at, body)
        entry = {"method": self.command, "path": self.path, "id": ident,
                 "signature_good": good, "body": body.decode()}
        with LOCK, open(LOG, "a") as log:
            log.write(json.dumps(entry) + "\n")
        return ident

    def answer(self, status, body, ident, signed=True,
               kind="application/json", extra=()):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in extra:
            self.send_header(name, value)
        if signed and RESPONSE:
            at = str(int(time.time()))
            self.send_header("webhook-id", ident)
            self.send_header("webhook-timestamp", at)
            self.send_header("webhook-signature", sign(RESPONSE, ident, at, body))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        ident = self.note(body)
        data = json.loads(body)["data"]
        with LOCK:
            SEEN[ident] = data["binding"]
        mode, _, _ = self.path.strip("/").partition("/")
        self.behave(mode, ident, data["binding"])

    def do_GET(self):
        ident = self.note(b"")
        mode, _, _ = self.path.strip("/").partition("/")
        self.behave(mode, ident, SEEN.get(ident, ""))

    def behave(self, mode, ident, binding):
        reply = {"id": ident, "binding": binding, "decision": "allow",
                 "reason": "said the stub", "approver": {"id": "stub@test"}}
        if mode == "wait":
            mode = "allow" if os.path.exists(LOG + ".allow") else "pending"
        if mode == "pending":
            return self.answer(202, b"", ident)
        if mode == "deny":
            reply["decision"] = "deny"
        elif mode == "other_id":
            reply["id"] = "00000000-0000-4000-8000-000000000000"
        elif mode == "other_binding":
            reply["binding"] = "sha256:" + "0" * 64
        elif mode == "maybe":
            reply["decision"] = True
        elif mode == "garbage":
            return self.answer(200, b"\x00\xff{{{ allow", ident)
        elif mode == "empty":
            return self.answer(200, b"", ident)
        elif mode == "twice":
            body = json.dumps(reply).replace(
                '"decision"', '"decision": "deny", "decision"', 1)
            return self.answer(200, body.encode(), ident)
        elif mode == "html":
            return self.answer(200, b"<html>allow</html>", ident, kind="text/html")
        elif mode == "huge":
            reply["reason"] = "x" * 2000000
        elif mode == "error":
            return self.answer(500, b"{}", ident)
        elif mode == "redirect":
            return self.answer(302, b"", ident, extra=[("Location", "/allow")])
        elif mode == "missing":
            return self.answer(404, b"{}", ident)
        elif mode == "nothing":
            return self.answer(204, b"", ident)
        elif mode == "busy":
            return self.answer(429, b"{}", ident, extra=[("Retry-After", "77")])
        elif mode == "slow":
            time.sleep(20)
        try:
            self.answer(200, json.dumps(reply).encode(), ident,
                        signed=mode != "unsigned")
        except (BrokenPipeError, ConnectionResetError):
            pass


ThreadingHTTPServer(("127.0.0.1", PORT), Stub).serve_forever()
