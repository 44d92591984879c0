#!/usr/bin/env python3
"""Approvers that allow everything, each behind TLS of another kind.

    tls_stub.py LOG (PORT|PATH):CERT:KEY:OPTION ...

OPTION is "-", "tls11" (nothing newer), "mtls=<CA file>" (a client certificate
is demanded) or "unix" (no TLS; PATH is a socket).  The name of what answered
is logged, a line each.
"""
import json
import os
import socketserver
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler


class Stub(BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def address_string(self):
        return "-"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with open(sys.argv[1], "a") as log:
            log.write(str(self.server.server_address) + "\n")
        reply = json.dumps({"id": body["id"], "decision": "allow",
                            "binding": body["data"]["binding"]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)


class Tcp(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def handle_error(self, request, address):
        pass


class Unix(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


for spec in sys.argv[2:]:
    where, cert, key, option = spec.split(":")
    if option == "unix":
        server = Unix(where, Stub)
        os.chmod(where, 0o600)
    else:
        server = Tcp(("127.0.0.1", int(where)), Stub)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        if option == "tls11":
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        if option.startswith("mtls="):
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(option[5:])
        server.socket = context.wrap_socket(server.socket, server_side=True,
                                            do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever).start()
