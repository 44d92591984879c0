#!/usr/bin/env python3
"""The example approver under signed requests, garbage, slow clients and a real
browser.  Prints TAP lines; the last is the plan.

pages.py [DIRECTORY]: keep the screenshots there.
"""

import base64
import concurrent.futures
import hashlib
import hmac
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import uuid

import webdriver

HERE = os.path.dirname(os.path.abspath(__file__))
APPROVER = os.path.join(HERE, "../../examples/approver/approver.py")
tests = 0


def ok(good, name, why=""):
    global tests
    tests += 1
    print(f"{'ok' if good else 'not ok'} {tests} - {name}", flush=True)
    if not good and why != "":
        print("# " + repr(why)[:2000].replace("\n", "\n# "), flush=True)
    return good


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Approver:
    """approver.py as a process, with what a courier says to it."""

    def __init__(self, directory, *more, secrets=True, people=None):
        self.dir = directory
        self.port = free_port()
        self.secret = os.path.join(directory, "secret")
        if not os.path.exists(self.secret):
            subprocess.run([sys.executable, APPROVER, "--init", self.secret],
                           check=True, stdout=subprocess.DEVNULL)
        with open(self.secret, encoding="ascii") as file:
            self.keys = [base64.b64decode(line.split("whsec_")[1])
                         for line in file.read().split("\n") if line]
        self.args = ["--port", str(self.port), "--state",
                     os.path.join(directory, "approver.db"), *more]
        self.args += ["--secret-file", self.secret] if secrets else ["--unsigned"]
        self.process = None
        self.start()

    def start(self):
        self.log = open(os.path.join(self.dir, "log"), "a", encoding="utf-8")
        self.process = subprocess.Popen([sys.executable, APPROVER, *self.args],
                                        stdout=subprocess.PIPE, stderr=self.log)
        self.process.stdout.readline()

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.log.close()

    def raw(self, method, path, body=b"", headers=None, timeout=30):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def headers(self, msg_id, body, key=None, at=None):
        at = str(int(time.time() if at is None else at))
        mac = hmac.new(key or self.keys[0], f"{msg_id}.{at}.".encode() + body,
                       hashlib.sha256)
        return {"webhook-id": msg_id, "webhook-timestamp": at,
                "webhook-signature": "v1," + base64.b64encode(mac.digest()).decode()}

    def post(self, event):
        body = json.dumps(event).encode()
        return self.raw("POST", "/hook", body, self.headers(event["id"], body))

    def poll(self, event):
        return self.raw("GET", "/hook/" + event["id"],
                        headers=self.headers(event["id"], b""))

    def page(self, path, headers=None):
        status, _, body = self.raw("GET", path, headers=headers)
        return status, body.decode()

    def decide(self, event, headers=None, **form):
        """What a click sends, with the token of the page."""
        _, page = self.page("/request/" + event["id"], headers)
        token = re.search(r'name="token" value="(\w+)"', page)
        form = {"token": token.group(1) if token else "", "id": event["id"],
                "who": "alice", "reason": "fine", "decision": "allow", **form}
        return self.raw("POST", "/decide", urllib.parse.urlencode(form).encode(),
                        {"Content-Type": "application/x-www-form-urlencoded",
                         **(headers or {})})

    def signed_well(self, answer, event):
        _, headers, body = answer
        headers = {k.lower(): v for k, v in headers.items()}
        mine = self.headers(event["id"], body, self.keys[1],
                            headers.get("webhook-timestamp", 0))
        return mine["webhook-signature"] in headers.get("webhook-signature", "").split()


def event(seconds=3600, **data):
    msg_id = str(uuid.uuid4())
    text = data.pop("text", "UPDATE shop.customers\nSET city = $1\nWHERE customer_id = $2")
    sha = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    end = time.time() + seconds
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(end)) + f".{int(end % 1 * 1e6):06d}Z"
    return {
        "specversion": "1.0", "id": msg_id, "source": "hoopguard://1/shop",
        "type": "hoopguard.approval.requested.v1", "time": "2026-08-23T10:11:12.3Z",
        "subject": "rule/15", "datacontenttype": "application/json",
        "data": {
            "mode": "ticket", "attempt": 1, "dry_run": False, "expires_at": stamp,
            "requester": {"agent": "shop_agent", "model": "any",
                          "owner": "helene@example.com", "intent": "refund ticket 4711",
                          "backend_pid": 4711, "client_addr": None,
                          "current_user": "shop_agent", "session_user": "shop_agent",
                          "application_name": "psql"},
            "database": "shop", "timeline": 1,
            "statement": {"text": text, "redacted": False, "complete": True,
                          "escaped": False, "tag": "UPDATE", "sha256": sha},
            "parameters": [{"n": 1, "type": "text", "value": "Lisbon"},
                           {"n": 2, "type": "integer", "value": None}],
            "facts": {"acts": [{"command": "UPDATE", "object": "shop.customers",
                                "rows": 1, "holds": ["email", "phone"],
                                "classes": ["address_part"]}],
                      "estimate": {"cost": 8.2, "rows": 1}, "command": "UPDATE"},
            "rule": {"id": "15", "reason": "writes to tables that hold classified columns"},
            "policy_version": "42", "binding": "sha256:" + sha, **data}}


def cancelled(one, **data):
    """The news that the requester of an event gave up."""
    return {"specversion": "1.0", "id": str(uuid.uuid4()), "source": one["source"],
            "type": "hoopguard.approval.cancelled.v1", "time": "2026-08-23T10:12:00.5Z",
            "subject": one["subject"], "datacontenttype": "application/json",
            "data": {"request_id": one["id"], "binding": one["data"]["binding"],
                     "reason": "the session ended", "database": "shop",
                     "cancelled_at": "2026-08-23T10:12:00.5Z", "rule": {"id": "15"}, **data}}


EVIDENCE = {
    "note": "all of it was rolled back, but sequences stay advanced",
    "rehearsed": True, "duration_ms": 12, "total_rows": 2,
    "rows": [{"oid": 16386, "relation": "shop.customers", "inserted": 0, "updated": 1,
              "deleted": 0},
             {"oid": 16390, "relation": "shop.customer_log", "inserted": 1, "updated": 0,
              "deleted": 0}],
    "sample": [{"change": "update", "relation": "shop.customers",
                "before": {"customer_id": "7", "city": "P****", "email": "g***@***.com"},
                "after": {"customer_id": "7", "city": "L****", "email": "g***@***.com"}}],
    "plan": "Update on customers  (cost=0.15..8.17 rows=0 width=0)\n"
            "  ->  Index Scan using customers_pkey on customers",
    "lineage": [{"kind": "INDIRECT", "masked": False, "subtype": "FILTER",
                 "source": "shop.customers.customer_id", "target": "shop.customers"}]}
FAILED = {"rehearsed": True, "lineage": [], "would_fail": {
    "message": "null value in column", "sqlstate": "23502"}}
TABLES = {"rehearsed": False, "reason": "not rehearsed: only DML is",
          "tables": [{"relation": "shop.orders", "lock": "ACCESS EXCLUSIVE",
                      "scans": False, "size_mb": 12.5, "rewrites": True}],
          "dependants": ["view shop.totals"]}


# ---- the protocol ------------------------------------------------------------

def protocol(approver):
    one = event()
    answer = approver.post(one)
    ok(answer[0] == 202 and json.loads(answer[2])["decision"] == "pending",
       "a signed request is taken, and is pending", answer)
    ok(approver.signed_well(answer, one), "its answer is signed with the other secret")
    ok(approver.poll(one)[0] == 202, "a poll says pending")
    ok(approver.decide(one, minutes="5", max_rows="100")[0] == 303, "a person approves")
    answer = approver.poll(one)
    reply = json.loads(answer[2])
    ok(answer[0] == 200 and reply["decision"] == "allow" and reply["id"] == one["id"]
       and reply["binding"] == one["data"]["binding"]
       and reply["approver"] == {"id": "alice", "via": "web"}
       and reply["reason"] == "fine" and reply["grant_ttl_s"] == 300
       and reply["obligations"] == {"max_rows": 100}
       and approver.signed_well(answer, one), "a poll has the decision", reply)
    ok(json.loads(approver.post(one)[2])["decision"] == "allow",
       "the same request again gets the same decision")

    body = json.dumps(one).encode()
    good = approver.headers(one["id"], body)
    for name, headers in (
            ("without a signature", {}),
            ("with the answer's secret", approver.headers(one["id"], body, approver.keys[1])),
            ("signed six minutes ago", approver.headers(one["id"], body, at=time.time() - 360)),
            ("signed in the future", approver.headers(one["id"], body, at=time.time() + 360)),
            ("for another id", {**good, "webhook-id": str(uuid.uuid4())}),
            ("with odd headers", {**good, "webhook-timestamp": "1e9",
                                  "webhook-signature": "v1,\xe9 v1,"})):
        status, _, _ = approver.raw("POST", "/hook", body, headers)
        ok(status == 401, f"401: {name}", status)
    ok(approver.raw("GET", "/hook/" + one["id"])[0] == 401, "401: a poll without a signature")
    other = event()
    status = approver.raw("GET", "/hook/" + one["id"],
                          headers=approver.headers(other["id"], b""))[0]
    ok(status == 404, "404: a poll signed for another id", status)

    changed = json.loads(json.dumps(one))
    changed["data"]["binding"] = "sha256:other"
    ok(approver.post(changed)[0] == 503, "an id does not change its statement")
    late = event(seconds=-1)
    approver.post(late)
    ok(approver.decide(late)[0] in (403, 409) and approver.poll(late)[0] == 202,
       "nothing can be decided after the expiry")
    soon = event(seconds=2)
    approver.post(soon)
    _, page = approver.page("/request/" + soon["id"])
    token = re.search(r'name="token" value="(\w+)"', page).group(1)
    while approver.page("/state/" + soon["id"])[1].startswith("waiting"):
        time.sleep(0.1)
    status, _, body = approver.raw("POST", "/decide", urllib.parse.urlencode(
        {"token": token, "id": soon["id"], "who": "a", "decision": "allow"}).encode())
    ok(status == 409 and b"expired" in body and approver.poll(soon)[0] == 202,
       "nor with a form from before", status)

    gone = event()
    approver.post(gone)
    _, page = approver.page("/request/" + gone["id"])
    token = re.search(r'name="token" value="(\w+)"', page).group(1)
    body = json.dumps(cancelled(gone)).encode()
    ok(approver.raw("POST", "/hook", body)[0] == 401 and
       approver.post(cancelled(gone, binding="sha256:other"))[0] == 204 and
       approver.page("/state/" + gone["id"])[1].startswith("waiting"),
       "news that nobody signed, or of another statement, change nothing")
    ok(approver.post(cancelled(gone))[0] == 204 and approver.post(cancelled(gone))[0] == 204,
       "the requester gives up")
    _, page = approver.page("/request/" + gone["id"])
    ok("withdrawn" in page and "the session ended" in page and "<form" not in page and
       gone["id"] not in approver.page("/")[1] and gone["id"] in approver.page("/history")[1],
       "it is shown as withdrawn, and in the history", page)
    status, _, body = approver.raw("POST", "/decide", urllib.parse.urlencode(
        {"token": token, "id": gone["id"], "who": "a", "decision": "allow"}).encode())
    ok(status == 409 and b"withdrawn" in body and approver.poll(gone)[0] == 202,
       "it can be decided no more, nor with a form from before", status)
    ok(approver.post(cancelled(one))[0] == 204 and
       approver.page("/state/" + one["id"])[1].startswith("approved"),
       "what was decided stays decided")
    ok(approver.post(cancelled(event()))[0] == 204, "news of an unknown request is taken")
    for name, data in (("no request", {"request_id": None}), ("a path", {"request_id": "../x"}),
                       ("no binding", {"binding": 1})):
        ok(approver.post(cancelled(gone, **data))[0] == 400, f"400: news with {name}")

    deep = "[" * 100000 + "]" * 100000
    nested = event()
    inner = nested["data"]["facts"]
    for _ in range(100):
        inner["x"] = {}
        inner = inner["x"]
    for name, body in (
            ("nothing", b""), ("no JSON", b"{"), ("a list", b"[]"), ("a number", b"1"),
            ("null", b"null"), ("not UTF-8", b'{"id":"\xff"}'), ("UTF-16", json.dumps(one).encode("utf-16")),
            ("deep", deep.encode()), ("deeper than sense", json.dumps(nested).encode()),
            ("other types", json.dumps({**one, "data": {**one["data"], "statement": []}}).encode()),
            ("no expiry", json.dumps({**one, "data": {**one["data"], "expires_at": None}}).encode()),
            ("a wild expiry", json.dumps({**one, "data": {**one["data"], "expires_at": "99999-01-01"}}).encode()),
            ("an id that is a path", json.dumps({**one, "id": "../../etc/passwd"}).encode())):
        msg_id = str(uuid.uuid4())
        status = approver.raw("POST", "/hook", body, approver.headers(msg_id, body))[0]
        ok(status == 400, f"400: {name}", status)
    big = json.dumps(event(text="x" * 1024 * 1024)).encode()
    status = approver.raw("POST", "/hook", big, approver.headers("a", big))[0]
    ok(status == 413, "413: a statement of 1 MB is refused, not cut", status)
    wide = event(text="SELECT '" + "x" * 200_000 + "THE END'")
    ok(approver.post(wide)[0] == 202 and
       "THE END" in approver.page("/request/" + wide["id"])[1],
       "one of 200 kB is shown to its end")
    approver.decide(wide, decision="deny")
    strange = event(requester=["a"], facts="b", parameters={"c": "HERE"}, rule=None,
                    evidence=[[{"x": [None, True, 1.5, "\ud800"]}]], database={"d": 1})
    ok(approver.post(strange)[0] == 202 and
       "HERE" in approver.page("/request/" + strange["id"])[1],
       "members of other types are shown as they came")
    approver.decide(strange, decision="deny")

    gone = event(text="DELETE FROM t WHERE a = '[redacted:email]' AND b = 1",
                 parameters=[{"n": 1, "type": "text", "value": "[redacted:us_ssn]",
                              "redactions": 1}, {"n": 2, "type": "text", "value": "x"}])
    gone["data"]["statement"].update(redacted=True, redactions=1)
    ok(approver.post(gone)[0] == 202, "a redacted statement is taken")
    _, page = approver.page("/request/" + gone["id"])
    ok("2 values are not shown" in page and
       '<mark class="gone">[redacted:email]</mark>' in page and
       '<mark class="gone">[redacted:us_ssn]</mark>' in page and
       f"WHERE id = '{gone['id']}'" in page and "the agent wrote it" not in page,
       "what was redacted is marked, and where to read it is told", page)
    forged = event(text="DELETE FROM t WHERE a = '[redacted:email]' OR b = '[redacted:email]'")
    forged["data"]["statement"].update(redacted=True, redactions=1)
    plain = event(text="DELETE FROM t WHERE a = '[redacted:email]'")
    for one in (forged, plain):
        approver.post(one)
        ok("the agent wrote it" in approver.page("/request/" + one["id"])[1],
           "what only looks like a redaction is pointed out")
    none = event(parameters=[{"n": 1, "type": "text", "value": None, "redactions": 1}])
    none["data"]["statement"].update(text=None, redacted=True, redactions=0, complete=False)
    ok(approver.post(none)[0] == 202, "a statement that is kept back is taken")
    _, page = approver.page("/request/" + none["id"])
    ok("does not send statements" in page and "not sent" in page and
       f"WHERE id = '{none['id']}'" in page and 'id="statement"' not in page,
       "and said to be kept back", page)
    cut = event()
    cut["data"]["statement"].update(text=None)
    ok(approver.post(cut)[0] == 400, "400: no statement that is said to be whole")
    for one in (gone, forged, plain, none):
        approver.decide(one, decision="deny")


def forms(approver):
    one = event()
    approver.post(one)
    path = "/request/" + one["id"]
    status, page = approver.page(path, {"Host": "evil.example:80"})
    ok(status == 403 and "token" not in page, "another Host sees nothing (DNS rebinding)")
    ok(approver.decide(one, token="0" * 64)[0] == 403, "a form without the token is refused")
    two = event()
    approver.post(two)
    token = re.search(r'name="token" value="(\w+)"', approver.page(path)[1]).group(1)
    ok(approver.decide(two, token=token)[0] == 403, "and with that of another request")
    ok(approver.decide(one, {"Origin": "http://evil.example"})[0] == 403,
       "and from another origin")
    ok(approver.decide(one, {"Sec-Fetch-Site": "cross-site"})[0] == 403,
       "and from another site")
    ok(approver.raw("GET", f"/decide?id={one['id']}&decision=allow&token={token}")[0] == 404,
       "a GET decides nothing")
    for name, form in (("no name", {"who": "  "}), ("no decision", {"decision": ""}),
                       ("an odd decision", {"decision": "ALLOW"}),
                       ("an odd limit", {"max_rows": "-1"}), ("no time", {"minutes": "0"})):
        ok(approver.decide(one, **form)[0] == 400, f"400: {name}")
    ok(approver.poll(one)[0] == 202, "and it is still pending")
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        results = [r[0] for r in pool.map(
            lambda n: approver.decide(one, who=f"p{n}", token=token,
                                      decision="allow" if n % 2 else "deny"), range(20))]
    ok(sorted(results) == [303] + [409] * 19, "of twenty clicks at once one counts", results)
    approver.decide(two, decision="deny", reason="no \u202e\x00<b>")
    answer = json.loads(approver.poll(two)[2])
    ok(answer["decision"] == "deny", "a denial is a denial", answer)
    approver.stop()
    approver.start()
    ok(json.loads(approver.poll(two)[2]) == answer, "and survives a kill and a restart")
    three = event()
    approver.post(three)
    _, page = approver.page("/request/" + three["id"])
    approver.stop()
    approver.start()
    token = re.search(r'name="token" value="(\w+)"', page).group(1)
    ok(approver.decide(three, token=token)[0] == 303, "so does a form")
    mode = os.stat(os.path.join(approver.dir, "approver.db")).st_mode & 0o777
    ok(mode == 0o600, "what is kept is private", oct(mode))


def rough(approver):
    slow = []
    for n in range(200):
        s = socket.create_connection(("127.0.0.1", approver.port), timeout=5)
        s.sendall(b"POST /hook HTTP/1.1\r\nContent-Length: 100\r\n" if n % 2 else b"G")
        slow.append(s)
    one = event()
    begin = time.monotonic()
    status = approver.post(one)[0]
    ok(status == 202 and time.monotonic() - begin < 5,
       "200 clients that say half a request do not keep others out", status)
    for s in slow:
        s.close()
    for junk in (b"\x00\xff\x00\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"A" * 70000,
                 b"POST /hook HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
                 b"POST /hook HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                 b"GET " + b"/" * 5000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", approver.port), timeout=5) as s:
            try:
                s.sendall(junk)
                s.recv(100)
            except OSError:
                pass
    ok(approver.poll(one)[0] == 202, "garbage on the line neither")
    approver.decide(one, decision="deny")

    begin = time.monotonic()
    taken = [approver.post(event(seconds=3600 + n))[0] for n in range(1000)]
    ok(taken == [202] * 1000, "a thousand requests are taken")
    before = int(re.search(r'id="count">(\d+)<', approver.page("/")[1]).group(1)) - 1000
    begin = time.monotonic()
    status, page = approver.page("/")
    took = time.monotonic() - begin
    ok(status == 200 and f"({before + 1000})" in page and page.count("<li class") == 50 and took < 5,
       "and listed in pages of fifty", took)
    status, last = approver.page("/?page=19")
    ok(last.count("/request/") == 50 and f"951 to 1000 of {before + 1000}" in last, "up to the last")


def passwords(directory):
    file = os.path.join(directory, "people")
    with open(file, "w", encoding="utf-8") as out:
        out.write("alice:correct horse\n")
    os.chmod(file, 0o644)
    bad = subprocess.run([sys.executable, APPROVER, "--unsigned", "--state", ":memory:",
                          "--password-file", file], capture_output=True, timeout=30,
                         check=False)
    ok(bad.returncode != 0 and b"access" in bad.stderr, "passwords others can read are refused")
    os.chmod(file, 0o600)
    bad = subprocess.run([sys.executable, APPROVER, "--unsigned", "--bind", "0.0.0.0"],
                         capture_output=True, timeout=30, check=False)
    ok(bad.returncode == 2 and b"--password-file" in bad.stderr,
       "an open address needs passwords")
    bad = subprocess.run([sys.executable, APPROVER], capture_output=True, timeout=30,
                         check=False)
    ok(bad.returncode == 2 and b"--secret-file" in bad.stderr, "secrets are not optional by accident")
    approver = Approver(directory, "--password-file", file)
    one = event()
    approver.post(one)

    def basic(pair):
        return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
    ok(approver.page("/")[0] == 401 and
       approver.page("/", basic("alice:wrong"))[0] == 401 and
       approver.page("/", {"Authorization": "Basic !"})[0] == 401,
       "with passwords a page needs one")
    ok(approver.decide(one)[0] == 401, "a decision too")
    status = approver.decide(one, basic("alice:correct horse"), who="mallory")[0]
    reply = json.loads(approver.poll(one)[2])
    ok(status == 303 and reply["approver"]["id"] == "alice",
       "and is by the person who logged in, whatever the form says", reply)
    approver.stop()


# ---- the browser ------------------------------------------------------------

XSS = ("<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
       "'\"><svg onload=document.title='owned'></pre></textarea>{{nonce}}{{main}}&lt;")
TRICKS = ("DELETE FROM shop.orders WHERE id = 1 /* \u202e harmless \u2066 */" + " " * 3000
          + "OR true" + "\n" * 500 + "-- \u200bTHE\u00a0END\x1b \U000e0041 \u2028 p\u0430ypal")


def browser(approver, pictures):
    what = webdriver.missing()
    if what:
        ok(True, f"the pages in a browser # SKIP {what} is not installed")
        return
    page = webdriver.Browser(free_port())
    try:
        clicks(page, approver, pictures)
    finally:
        page.close()


def clicks(page, approver, pictures):
    base = f"http://127.0.0.1:{approver.port}"
    one = event(evidence=EVIDENCE, seconds=754)
    hot = event(text=TRICKS, seconds=4000, requester={
        "agent": XSS, "session_user": XSS, "current_user": XSS, "intent": XSS,
        "owner": XSS, XSS: XSS}, database=XSS, rule={"id": XSS, "reason": XSS},
        parameters=[{"n": XSS, "type": XSS, "value": XSS + "\u202e"}],
        facts={"acts": [{"command": XSS, "object": XSS, "classes": [XSS], XSS: XSS}],
               "estimate": {XSS: XSS}},
        evidence={XSS: [{XSS: XSS}], "plan": XSS, "rows": [{XSS: XSS}], "sample": XSS})
    hot["data"]["statement"].update(tag=XSS, sha256=XSS)
    for each in (one, hot):
        approver.post(each)

    for width in (390, 1200):
        for dark in (False, True):
            page.width(width, dark)
            look = f"{width}{'-dark' if dark else ''}"
            page.go(base + "/")
            page.picture(f"{pictures}/list-{look}.png")
            page.go(f"{base}/request/{one['id']}")
            page.picture(f"{pictures}/request-{look}.png")
            for each, name in ((one, "a request"), (hot, "a hostile one")):
                page.go(f"{base}/request/{each['id']}")
                page.js("for (const d of document.querySelectorAll('details')) d.open = true")
                over = page.js("return document.documentElement.scrollWidth")
                ok(over <= width, f"{name} fits into {look} pixels", over)
    page.picture(f"{pictures}/hostile.png")

    ok(page.js("return document.title") not in ("owned",) and
       page.js("return document.querySelectorAll('main img, main svg, main script').length") == 0,
       "markup in any field is text")
    text = page.text("#statement")
    for what in ("U+202E", "U+2066", "3000 blanks", "499 empty lines", "U+200B", "THE",
                 "U+00A0", "END", "U+001B", "U+E0041", "U+2028"):
        ok(what in text, f"the statement shows {what}", text)
    ok("\u0430" in page.text("article") and "outside ASCII" in page.text("article"),
       "letters that look like others are pointed out")
    ok(page.text("article").count(XSS) > 15, "and everything of it is shown as it is")

    # who, what, why, evidence, expiry
    page.width(390)
    page.go(f"{base}/request/{one['id']}")
    text = page.text("article")
    for what in ("shop_agent", "refund ticket 4711", "helene@example.com", "rule 15",
                 "WHERE customer_id = $2", "Lisbon", "NULL", "integer", "shop.customer_log",
                 "tried out and rolled back", "customers_pkey", "FILTER", "g***@***.com",
                 "touches address_part", "UTC"):
        ok(what in text, f"the page shows: {what}")
    for proof, say in ((FAILED, ("it failed", "23502", "null value in column")),
                       (TABLES, ("not tried out", "ACCESS EXCLUSIVE", "view shop.totals"))):
        each = event(evidence=proof)
        approver.post(each)
        page.go(f"{base}/request/{each['id']}")
        ok(all(what in page.text("article") for what in say), f"evidence: {say[0]}",
           page.text("article"))
        approver.decide(each, decision="deny")
    page.go(f"{base}/request/{one['id']}")
    before = page.text("#expiry")
    ok(re.match(r"1[12] min \d\d s left", before) and
       page.wait("document.querySelector('#expiry').innerText !== arguments[0]", before),
       "the time left runs", before)

    # the keyboard and the screen reader
    unnamed = page.js("""return [...document.querySelectorAll('input:not([type=hidden]), textarea, button')]
        .filter(e => !(e.labels && e.labels.length) && !e.textContent.trim()).map(e => e.outerHTML)""")
    ok(unnamed == [], "every field and button has a name", unnamed)
    heads = page.js("return [...document.querySelectorAll('h1,h2,h3')].map(h => +h.tagName[1])")
    ok(heads[0] == 1 and heads.count(1) == 1 and
       all(b - a <= 1 for a, b in zip(heads, heads[1:])), "headings are in order", heads)
    small = page.js("""return [...document.querySelectorAll('button, summary, header a, input:not([type=hidden])')]
        .filter(e => e.offsetParent && e.getBoundingClientRect().height < 44).map(e => e.outerHTML)""")
    ok(small == [], "fingers can hit what can be pressed", small)
    faint = page.js(CONTRAST)
    ok(faint == [], "every text has a contrast of 4.5", faint)
    page.width(390, True)
    faint = page.js(CONTRAST)
    ok(faint == [], "in the dark too", faint)
    page.width(390)
    page.js("document.querySelector('#who').focus()")
    page.keys(*"bob")
    page.keys("\ue004", *"as agreed", "\ue004", "\ue004", "\ue004")
    ok(page.js("return document.activeElement.value") == "allow",
       "the keyboard goes from the name to the button", page.js("return document.activeElement.outerHTML"))

    # two tabs
    tab = page.ask("/window")
    other = page.do("/window/new", type="tab")["handle"]
    page.do("/window", handle=other)
    page.width(390)
    page.go(f"{base}/request/{one['id']}")
    page.do("/window", handle=tab)
    page.keys(" ")
    ok(page.wait("document.querySelector('.done') !== null"), "space on the button decides")
    text = page.text("article")
    ok("approved by bob: as agreed" in text and "has not fetched" in text,
       "the page says what was decided", text[-300:])
    page.picture(f"{pictures}/decided-390.png")
    answer = json.loads(approver.poll(one)[2])
    ok(answer["decision"] == "allow" and answer["approver"]["id"] == "bob"
       and answer["reason"] == "as agreed", "and the courier hears it", answer)
    ok(page.wait("document.body.innerText.includes('hoopguard fetched the answer')"),
       "the page tells by itself that it was fetched")
    page.do("/window", handle=other)
    ok(page.wait("document.querySelector('#news').innerText.includes('approved by bob')") and
       page.js("return [...document.querySelectorAll('#form button')].every(b => b.disabled)"),
       "the other tab says so and takes no more clicks", page.text("#news"))
    page.js("document.querySelector('#who').value = 'eve';"
            "document.querySelector('button.no').disabled = false;"
            "document.querySelector('button.no').click()")
    ok(page.wait("document.body.innerText.includes('Too late: approved by bob')"),
       "one that is sent all the same is too late", page.text())
    ok(json.loads(approver.poll(one)[2])["approver"]["id"] == "bob", "and changes nothing")

    # a list that keeps itself up to date, and a click on it
    page.go(base + "/")
    two = event(seconds=3000, text="DROP TABLE reports.old")
    two["data"]["statement"]["tag"] = "DROP"
    approver.post(two)
    ok(page.wait("document.getElementById('r-' + arguments[0]) !== null", two["id"]),
       "a new request appears by itself")
    page.click("#r-" + two["id"])
    ok(page.wait("document.querySelector('#who')?.value === 'eve'"),
       "the name is remembered")
    page.type("#reason", "ask the owner")
    page.click("button.no")
    ok(page.wait("document.querySelector('.done')?.innerText.includes('denied by eve: ask the owner')"),
       "a click denies")
    ok(json.loads(approver.poll(two)[2])["decision"] == "deny", "and the courier hears it")

    # expiry before the eyes
    three = event(seconds=6)
    approver.post(three)
    page.go(f"{base}/request/{three['id']}")
    ok(page.wait("document.querySelector('#expiry')?.innerText === 'expired' &&"
                 " [...document.querySelectorAll('#form button')].every(b => b.disabled)"),
       "at the expiry the buttons go dead", page.text())
    page.go(base + "/history")
    ok("expired" in page.text("main") and "denied by eve" in page.text("main"),
       "the history has them all", page.text("main"))
    page.picture(f"{pictures}/history-390.png")

    # without a script
    four = event()
    approver.post(four)
    page.cdp("Emulation.setScriptExecutionDisabled", value=True)
    page.go(f"{base}/request/{four['id']}")
    page.type("#who", "carol")
    page.click("button[value=allow]")
    # a click does not wait for the form that it sends
    for _ in range(100):
        answer = json.loads(approver.poll(four)[2])
        if "approver" in answer:
            break
        time.sleep(0.1)
    page.cdp("Emulation.setScriptExecutionDisabled", value=False)
    ok(answer.get("approver", {}).get("id") == "carol",
       "without a script it works as well")
    noise = [one for one in page.complaints() if "403" not in one and "409" not in one]
    ok(noise == [], "the browser's console has nothing to say", noise)


CONTRAST = """
function channel(v) { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }
function light(c) { return 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]); }
function parse(s) { return s.match(/[\\d.]+/g).map(Number); }
function back(e) {
  for (; e; e = e.parentElement) {
    const c = parse(getComputedStyle(e).backgroundColor);
    if (c.length < 4 || c[3] > 0.9) return c;
  }
  return [255, 255, 255];
}
return [...document.querySelectorAll('body *')].filter(e => e.offsetParent &&
    [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())).filter(e => {
  const a = light(parse(getComputedStyle(e).color)), b = light(back(e));
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 4.5;
}).map(e => e.outerHTML.slice(0, 100));
"""


def main():
    with tempfile.TemporaryDirectory() as directory:
        pictures = sys.argv[1] if len(sys.argv) > 1 else directory
        approver = Approver(directory, "--quiet")
        try:
            protocol(approver)
            forms(approver)
            browser(approver, pictures)
            rough(approver)
        finally:
            approver.stop()
        with open(os.path.join(directory, "log"), encoding="utf-8") as file:
            log = file.read()
        ok(log == "", "nothing was raised in it", log)
        with tempfile.TemporaryDirectory() as second:
            passwords(second)
    print(f"1..{tests}")


if __name__ == "__main__":
    main()
