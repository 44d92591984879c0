#!/usr/bin/env python3
"""An approver's webhook that answers in the wrong ways a contract lists.

    contract_stub.py PORT SECRET_FILE LOG

The first part of the path says how.  But for what is wrong with it each
answer is a signed "allow".  /flip... fail with 503 until the file LOG.flip...
exists.  Each request is logged as one JSON line: method, path, webhook-id.
"""
import base64
import gzip
import hashlib
import hmac
import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT, SECRET_FILE, LOG = int(sys.argv[1]), sys.argv[2], sys.argv[3]
KEYS = {"request": None, "response": None}
for line in open(SECRET_FILE):
    words = line.split()
    KEYS["response" if words[0] == "response" else "request"] = \
        base64.b64decode(words[-1].removeprefix("whsec_"))
LOCK = threading.Lock()
MEGABYTE = 1 << 20
# gzip members can follow each other; the long one takes its time to make
BLANKS = gzip.compress(b" " * (100 * MEGABYTE))


def sign(key, ident, at, body):
    digest = hmac.new(key, f"{ident}.{at}.".encode() + body, hashlib.sha256)
    return "v1," + base64.b64encode(digest.digest()).decode()


class Stub(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def note(self):
        entry = {"method": self.command, "path": self.path,
                 "id": self.headers.get("webhook-id", "")}
        with LOCK, open(LOG, "a") as log:
            log.write(json.dumps(entry) + "\n")

    def headers_of(self, body, at=None, key="response", signed_at=None):
        at = int(time.time()) if at is None else at
        return {"webhook-id": self.ident, "webhook-timestamp": str(at),
                "webhook-signature": sign(KEYS[key], self.ident,
                                          at if signed_at is None else signed_at,
                                          body)}

    def send(self, body, headers, status=200, length=None, slowly=False):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(length or len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if not slowly:
            self.wfile.write(body)
            return
        for i in range(len(body)):
            self.wfile.write(body[i:i + 1])
            self.wfile.flush()
            time.sleep(0.1)

    def do_GET(self):
        self.note()
        self.send(b"{}", {}, status=404)

    def do_POST(self):
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.note()
        self.ident = self.headers.get("webhook-id", "")
        try:
            self.behave(self.path.strip("/").split("/")[0], sent)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def behave(self, mode, sent):
        now = int(time.time())
        reply = {"id": self.ident, "binding": json.loads(sent)["data"]["binding"],
                 "decision": "allow", "approver": {"id": "stub@test"}}

        def text():
            return json.dumps(reply).encode()

        if mode.startswith("flip") and not os.path.exists(f"{LOG}.{mode}"):
            return self.send(b"{}", {}, status=503)
        if mode == "old":
            return self.send(text(), self.headers_of(text(), at=now - 400))
        if mode == "future":
            return self.send(text(), self.headers_of(text(), at=now + 400))
        if mode == "moved":         # an old signature under a time of now
            return self.send(text(), self.headers_of(text(), signed_at=now - 400))
        if mode == "unsigned":
            return self.send(text(), {})
        if mode == "wrong":         # signed, then changed
            headers = self.headers_of(text())
            reply["reason"] = "changed"
            return self.send(text(), headers)
        if mode == "direction":     # the secret that requests are signed with
            return self.send(text(), self.headers_of(text(), key="request"))
        if mode == "echo":
            return self.send(sent, {name: self.headers[name] for name in
                                    ("webhook-id", "webhook-timestamp",
                                     "webhook-signature")})
        if mode in ("s204", "s206", "s302", "s307", "s308", "s401", "s404"):
            headers = self.headers_of(text())
            if mode == "s302":
                headers["Location"] = "http://169.254.169.254/latest/meta-data/"
            elif mode.startswith("s30"):
                headers["Location"] = f"http://127.0.0.1:{PORT}/good"
            body = b"" if mode == "s204" else text()
            return self.send(body, headers, status=int(mode[1:]))
        if mode == "loris":
            return self.send(text(), self.headers_of(text()), slowly=True)
        if mode == "loris_head":
            for byte in b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n":
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                time.sleep(0.1)
            self.close_connection = True
            return None
        if mode == "http09":
            self.wfile.write(text())
            self.close_connection = True
            return None
        if mode == "cut":           # closes in the middle
            self.send(text(), self.headers_of(text()), length=len(text()) + 10)
            self.close_connection = True
            return None
        if mode == "endless":       # chunked, so no length is known before
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for _ in range(10):
                self.wfile.write(b"%x\r\n" % MEGABYTE + b" " * MEGABYTE + b"\r\n")
            self.close_connection = True
            return None

        # the rest differs in its body only
        body = text()
        headers = {}
        if mode == "truthy":
            reply["decision"] = True
            body = text()
        elif mode == "one":
            reply["decision"] = 1
            body = text()
        elif mode == "upper":
            reply["decision"] = "ALLOW"
            body = text()
        elif mode == "nul":
            reply["decision"] = "allow\0"
            body = text()
        elif mode == "absent":
            del reply["decision"]
            body = text()
        elif mode == "dup":
            body = body.replace(b'"decision"', b'"decision": "deny", "decision"')
        elif mode == "dup_escaped":
            body = body.replace(b'"decision"', b'"decisio\\u006e": "deny", "decision"')
        elif mode == "dup_inner":
            body = body.replace(b'"approver": {', b'"approver": {"id": "x", ')
        elif mode == "other_id":
            reply["id"] = "00000000-0000-4000-8000-000000000000"
            body = text()
        elif mode == "no_id":
            del reply["id"]
            body = text()
        elif mode == "other_binding":
            reply["binding"] = "sha256:" + "0" * 64
            body = text()
        elif mode == "no_binding":
            del reply["binding"]
            body = text()
        elif mode == "obligation":
            reply["obligations"] = {"four_eyes": True}
            body = text()
        elif mode == "wrapped":     # what OPA says: {"result": ...}
            body = json.dumps({"result": reply}).encode()
        elif mode == "undefined":   # OPA's undefined policy
            body = b"{}"
        elif mode == "array":
            body = b"[" + body + b"]"
        elif mode == "trailing":
            body += body
        elif mode == "bad_utf8":
            body = body.replace(b"stub@test", b"stub\xff\xc0")
        elif mode == "empty":
            body = b""
        elif mode == "deep":
            body = body[:-1] + b', "annotations": ' + b"[" * 20000 + b"]" * 20000 + b"}"
        elif mode == "huge":        # 10 MB, and says so
            body += b" " * (10 * MEGABYTE)
        elif mode in ("bomb", "gzip"):
            body = gzip.compress(body) + (BLANKS if mode == "bomb" else b"")
            headers["Content-Encoding"] = "gzip"
        headers.update(self.headers_of(body))
        return self.send(body, headers)


ThreadingHTTPServer(("127.0.0.1", PORT), Stub).serve_forever()
