#!/usr/bin/env python3
"""Click on the approver's page as a browser would: click.py PAGE ID allow|deny

Loads the page, looks for the request on it, goes there, takes the form's token,
sends the form.  Exit status 0 when the page took the decision.
"""
import re
import sys
import urllib.parse
import urllib.request

page, request, decision = sys.argv[1:4]

# a proxy of the environment must not get to see this machine's own page
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
if request not in opener.open(page, timeout=5).read().decode():
    sys.exit("click: the page does not show " + request)
text = opener.open(urllib.parse.urljoin(page, "/request/" + request),
                   timeout=5).read().decode()
token = re.search(r'name="token" value="([^"]+)"', text)
if token is None:
    sys.exit("click: the page has no form")
form = {"token": token.group(1), "id": request, "who": "helene",
        "decision": decision, "reason": "weights are needed for shipping"}
answer = opener.open(urllib.parse.urljoin(page, "/decide"),
                     urllib.parse.urlencode(form).encode(), timeout=5)
print("   clicked:", decision, "as helene, answer", answer.status)
