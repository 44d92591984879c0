#!/usr/bin/env python3
"""A sink of the outbox that fails in the ways that its control file says.

    sink_stub.py PORT SECRET_FILE LOG

The first word of the file LOG.mode, read at each request, is what the sink
does: ok, error (500), timeout (no answer), half (half of a body), reset (the
connection), redirect, loris (a byte now and then), refuse (422 for what holds
the word "poison"), keep (acknowledges late: the message is logged, then five
seconds pass).  Each request is one JSON line in LOG: what came, whether the
signature is good, and whether it was acknowledged.
"""
import base64
import hashlib
import hmac
import json
import socket
import struct
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT, SECRET_FILE, LOG = int(sys.argv[1]), sys.argv[2], sys.argv[3]
KEY = base64.b64decode(open(SECRET_FILE).read().split()[0]
                       .removeprefix("whsec_"))
LOCK = threading.Lock()


def mode():
    try:
        return open(LOG + ".mode").read().split()[0]
    except (OSError, IndexError):
        return "ok"


class Sink(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def note(self, body, way):
        ident = self.headers.get("webhook-id", "")
        at = self.headers.get("webhook-timestamp", "")
        digest = hmac.new(KEY, f"{ident}.{at}.".encode() + body,
                          hashlib.sha256).digest()
        good = self.headers.get("webhook-signature", "") == \
            "v1," + base64.b64encode(digest).decode()
        entry = {"path": self.path, "id": ident, "signed": good, "way": way,
                 "type": self.headers.get("Content-Type"),
                 "body": json.loads(body)}
        with LOCK, open(LOG, "a") as log:
            log.write(json.dumps(entry) + "\n")

    def answer(self, status, headers=()):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        way = mode()
        if way == "refuse":
            way = "refused" if b"poison" in body else "ok"
        self.note(body, way)
        if way in ("ok", "keep"):
            time.sleep(5 if way == "keep" else 0)
            return self.answer(204)
        if way == "refused":
            return self.answer(422)
        if way == "error":
            return self.answer(500)
        if way == "redirect":
            return self.answer(307, [("Location", "/elsewhere")])
        self.close_connection = True
        if way == "timeout":
            time.sleep(4)
        elif way == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                       struct.pack("ii", 1, 0))
            self.connection.close()
        elif way == "half":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
        elif way == "loris":
            for byte in b"HTTP/1.1 200 OK\r\n":
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                time.sleep(0.3)


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, address):
        pass


Server(("127.0.0.1", PORT), Sink).serve_forever()
