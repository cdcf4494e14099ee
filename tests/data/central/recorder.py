# ruff: noqa
# fmt: off
"""Records HTTP exchanges with an ODK Central server as stable, diffable JSON.

Volatile values are replaced by placeholders; see README.md for the list.
"""
import base64
import csv
import hashlib
import io
import json
import pathlib
import re
import time
import urllib.parse
import uuid
import zipfile

import requests

REQ_HEADERS = {"content-type", "x-openrosa-version", "if-none-match", "x-extended-metadata",
               "x-action-notes", "accept", "x-xlsform-formid-fallback", "x-forwarded-proto",
               "odata-maxversion", "transfer-encoding"}
RES_HEADERS = ["Content-Type", "Content-Disposition", "ETag", "Cache-Control", "Vary", "Location",
               "OData-Version", "X-OpenRosa-Version", "X-OpenRosa-Accept-Content-Length",
               "Content-Language", "WWW-Authenticate"]

ID_KINDS = {"projectId": "project", "actorId": "actor", "submitterId": "actor", "creatorId": "actor",
            "createdBy": "actor", "submissionId": "submission", "submissionDefId": "submission-def",
            "entityId": "entity", "entityDefId": "entity-def", "formDefId": "form-def",
            "newDefId": "form-def", "oldDefId": "form-def", "newDraftDefId": "form-def",
            "oldDraftDefId": "form-def", "blobId": "blob", "newBlobId": "blob", "oldBlobId": "blob",
            "newDatasetId": "dataset", "oldDatasetId": "dataset", "datasetId": "dataset",
            "sourceId": "source", "eventId": "audit", "auditId": "audit", "parentEventId": "audit",
            "fieldKeyId": "actor", "keyId": "key", "formId": "form",
            "schemaId": "schema"}
KEEP_INT = {"roleId", "version", "baseVersion", "code", "count", "size", "order", "trunkVersion",
            "branchBaseVersion"}

TS_RE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
UUID_RE = re.compile(r"(?:(?<=%3A)|(?<![0-9A-Za-z]))[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.I)
TOKEN_RE = re.compile(r"(?<![A-Za-z0-9!$])[A-Za-z0-9!$]{64}(?![A-Za-z0-9!$])")
SKIP_RE = re.compile(r"01(?:eyJ[A-Za-z0-9+/_-]+(?:=|%3D)*)")
HEX_RE = re.compile(r"(?<![0-9a-zA-Z])(?:[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32})(?![0-9a-zA-Z])")
EXPRESS_ETAG_RE = re.compile(r'^W/"[0-9a-f]+-[A-Za-z0-9+/=]+"$')
VALUES_RE = re.compile(r"(already exists with )([\w,]+)( value\(s\) of )([^.]*)")
MISSING = "99999999"   # an id the scenarios use for "no such row"
PATH_IDS = [(re.compile(r"/projects/(\d+)"), "project"), (re.compile(r"/app-users/(\d+)"), "actor"),
            (re.compile(r"/assignments/[\w-]+/(\d+)"), "actor"), (re.compile(r"/users/(\d+)"), "actor"),
            (re.compile(r"/forms/(\d+)/restore"), "form"), (re.compile(r"/datasets/(\d+)/entities"), "dataset")]


class Recorder:
    def __init__(self, base_url, out_dir):
        self.base = base_url.rstrip("/")
        self.out = pathlib.Path(out_dir)
        self.out.mkdir(parents=True, exist_ok=True)
        self.http = requests.Session()
        self.http.headers["User-Agent"] = "contract-recorder"
        self.token = None
        self.app_tokens = {}          # name -> token
        self.known = {}               # literal string -> placeholder
        self.digests = {}             # hex digest -> placeholder
        self.contents = {}            # exact text -> file name
        self.counters = {}            # (kind, value) -> placeholder number
        self.next = {}
        self.salt = uuid.uuid4().hex
        self.exchanges = None
        self.section_name = None
        self.paused = False
        self.domain = None

    # -- naming ------------------------------------------------------------
    def uuid4(self, name):
        """A fresh v4-shaped UUID that is written to the record as <uuid:name>."""
        h = hashlib.sha256(f"{self.salt}/{name}".encode()).hexdigest()
        u = f"{h[:8]}-{h[8:12]}-4{h[13:16]}-a{h[17:20]}-{h[20:32]}"
        self.known[u] = f"<uuid:{name}>"
        return u

    def iid(self, name):
        return "uuid:" + self.uuid4(name)

    def name_value(self, value, placeholder):
        self.known[str(value)] = placeholder

    def know_file(self, name, content):
        raw = content.encode() if isinstance(content, str) else content
        for alg in ("md5", "sha1", "sha256"):
            self.digests[getattr(hashlib, alg)(raw).hexdigest()] = f"<{alg} of {name}>"
        if isinstance(content, str):
            self.contents[content] = name

    def num(self, kind, value):
        key = (kind, str(value))
        if key not in self.counters:
            self.next[kind] = self.next.get(kind, 0) + 1
            self.counters[key] = self.next[kind]
        return f"{kind}-{self.counters[key]}"

    # -- sanitising --------------------------------------------------------
    def text(self, s, scrub_paths=False):
        if s in self.contents:
            return f"<same as {self.contents[s]}>"
        s = s.replace(self.base, "<base>")
        if self.domain:
            s = s.replace(self.domain, "<domain>")

        def skip(m):
            raw = urllib.parse.unquote(m.group(0))[2:]
            try:
                return "<skiptoken:01+base64(" + self.text(base64.b64decode(raw + "=" * (-len(raw) % 4)).decode()) + ")>"
            except Exception:
                return m.group(0)
        s = SKIP_RE.sub(skip, s)
        for k in sorted(self.known, key=len, reverse=True):
            if k in s:
                s = s.replace(k, self.known[k])
            q = urllib.parse.quote(k, safe="")
            if q != k and q in s:
                s = s.replace(q, self.known[k])
        s = TS_RE.sub(lambda m: m.group(0) if m.group(0).startswith("2020-01-01") else "<timestamp>", s)
        s = UUID_RE.sub(lambda m: f"<{self.num('uuid', m.group(0).lower())}>", s)
        s = HEX_RE.sub(self._hex, s)
        s = TOKEN_RE.sub(lambda m: f"<{self.num('token', m.group(0))}>", s)
        for rx, kind in PATH_IDS:
            s = rx.sub(lambda m: m.group(0) if m.group(1) == MISSING else m.group(0)[:m.start(1) - m.start(0)]
                       + f"<{self.num(kind, m.group(1))}>" + m.group(0)[m.end(1) - m.start(0):], s)
        return VALUES_RE.sub(lambda m: m.group(1) + m.group(2) + m.group(3) + ",".join(
            f"<{self.num(ID_KINDS[f], v)}>" if f in ID_KINDS and v.isdigit() else v
            for f, v in zip(m.group(2).split(","), m.group(4).split(","))), s)

    def _hex(self, m):
        h = m.group(0)
        if h in self.digests:
            return self.digests[h]
        return f"<{self.num({32: 'md5', 40: 'sha1', 64: 'sha256'}[len(h)], h)}>"

    def _kind(self, obj):
        if obj.get("type") in ("user", "field_key", "public_link", "singleUse", "anonymous", "system"):
            return "actor"
        if "archived" in obj:
            return "project"
        if "system" in obj and "verbs" in obj:
            return "role"
        if "action" in obj:
            return "audit"
        if "body" in obj:
            return "comment"
        if "xmlFormId" in obj:
            return "form"
        if "acteeId" in obj and "approvalRequired" in obj:
            return "dataset"
        if "ownerOnly" in obj or "properties" in obj:
            return "dataset"
        return "row"

    def json(self, v, key=None, parent=None):
        if isinstance(v, dict):
            if isinstance(v.get("fields"), list) and isinstance(v.get("values"), list):
                v = {**v, "values": [f"<str:{self.num(ID_KINDS[f], x)}>" if f in ID_KINDS and str(x).isdigit() else x
                                     for f, x in zip(v["fields"], v["values"])]}
            return {(self.text(k) if isinstance(k, str) else k): self.json(x, k, v) for k, x in v.items()}
        if isinstance(v, list):
            if key == "verbs":
                v = sorted(v)
            return [self.json(x, key, parent) for x in v]
        if isinstance(v, bool) or v is None:
            return v
        if isinstance(v, int) and key not in KEEP_INT:
            if key in ID_KINDS:
                return f"<int:{self.num(ID_KINDS[key], v)}>"
            if key == "id" and parent is not None and self._kind(parent) != "role":
                return f"<int:{self.num(self._kind(parent), v)}>"
        if isinstance(v, str):
            if key in ("submitterId", "creatorId") and v.isdigit():
                return f"<str:{self.num('actor', v)}>"
            return self.text(v)
        return v

    def csv_rows(self, text):
        rows = list(csv.reader(io.StringIO(text)))
        if not rows:
            return rows
        head = rows[0]
        out = [[self.text(h) for h in head]]
        for r in rows[1:]:
            out.append([f"<{self.num('actor', c)}>" if (head[i] if i < len(head) else "") in
                        ("SubmitterID", "__creatorId") and c.isdigit() else self.text(c) for i, c in enumerate(r)])
        return out

    def etag(self, value):
        return 'W/"<express etag>"' if EXPRESS_ETAG_RE.match(value) else self.text(value)

    def body(self, res, keep=None):
        ct = res.headers.get("Content-Type", "")
        if not res.content:
            return None
        if "zip" in ct or res.content[:2] == b"PK":
            z = zipfile.ZipFile(io.BytesIO(res.content))
            if "spreadsheet" in ct:
                return {"binary": "xlsx workbook"}
            return {"zip": {self.text(n): (self.csv_rows(z.read(n).decode("utf-8-sig")) if n.endswith(".csv")
                                           else f"<{len(z.read(n))} bytes>") for n in sorted(z.namelist())}}
        if "json" in ct:
            try:
                data = res.json()
            except ValueError:
                return {"truncated_json": self.text(res.text)[:2000]}
            if keep:
                data = keep(data)
            return {"json": self.json(data)}
        if "csv" in ct:
            return {"csv": self.csv_rows(res.text)}
        try:
            t = res.content.decode()
        except UnicodeDecodeError:
            return {"binary": f"<{len(res.content)} bytes>"}
        return {"text": self.text(t)}

    def restart_numbers(self, admin_id):
        """Placeholders are numbered per file, so that a change in one file leaves the others alone."""
        self.counters.clear()
        self.next.clear()
        self.num("actor", admin_id)

    # -- recording ---------------------------------------------------------
    def section(self, fname, title):
        self.flush()
        self.section_name, self.section_title, self.exchanges = fname, title, []
        self.names = {}
        print(f"== {fname}: {title}", flush=True)

    def flush(self):
        if self.exchanges is not None:
            doc = {"title": self.section_title, "exchanges": self.exchanges}
            (self.out / f"{self.section_name}.json").write_text(
                json.dumps(doc, indent=1, ensure_ascii=False) + "\n")
        self.exchanges = None

    def observe(self, name, note, data):
        """Records something that is not one exchange (an ordering, a derived fact)."""
        self.exchanges.append({"name": name, "note": note, "observed": self.json(data)})

    def call(self, name, method, path, note=None, auth="admin", headers=None, params=None, json_=None,
             data=None, files=None, keep=None, expect=None, record=True, body_note=None, timeout=180):
        headers = dict(headers or {})
        shown_auth = auth
        if auth == "admin":
            headers["Authorization"] = f"Bearer {self.token}"
        elif isinstance(auth, dict):
            headers["Authorization"] = auth["value"]
            shown_auth = auth["shown"]
        url = self.base + path
        if isinstance(params, dict):
            params = {k: v for k, v in params.items()}
        kw = {}
        if json_ is not None:
            kw["json"] = json_
        if data is not None:
            kw["data"] = data.encode() if isinstance(data, str) else data
        if files is not None:
            kw["files"] = files
        if params:   # %20, not '+': what OData clients send
            url += "?" + urllib.parse.urlencode(params, quote_via=urllib.parse.quote, safe="$,*/()'")
        try:
            res = self.http.request(method, url, headers=headers, allow_redirects=False, timeout=timeout, **kw)
        except requests.ConnectionError:
            # After an error in mid-stream the server drops the kept-alive connection; the next request finds it dead.
            if method not in ("GET", "HEAD"):
                raise
            self.http.close()
            res = self.http.request(method, url, headers=headers, allow_redirects=False, timeout=timeout, **kw)
        if record and self.exchanges is not None and not self.paused:
            req = {"method": method, "path": self.text(path), "auth": shown_auth}
            if params:
                req["query"] = {k: self.text(str(v)) for k, v in params.items()}
            hs = {k: self.text(v) for k, v in headers.items() if k.lower() in REQ_HEADERS or k.lower() == "user-agent"}
            if json_ is not None:
                hs.setdefault("Content-Type", "application/json")
            if files is not None:
                hs["Content-Type"] = "multipart/form-data"
            if hs:
                req["headers"] = hs
            if body_note:
                req["body"] = {"described": body_note}
            elif json_ is not None:
                req["body"] = {"json": self.json(json_)}
            elif files is not None:
                parts = {}
                for fname, part in (files.items() if isinstance(files, dict) else files):
                    fn, content, ctype = part
                    try:
                        shown = self.text(content.decode())
                    except UnicodeDecodeError:
                        shown = f"<{len(content)} bytes>"
                    parts[self.text(fname)] = {"filename": self.text(fn), "type": ctype, "content": shown}
                req["body"] = {"multipart": parts}
            elif data is not None:
                raw = kw["data"]
                try:
                    if raw[:2] == b"PK":
                        raise UnicodeDecodeError("utf-8", raw, 0, 1, "zip")
                    req["body"] = {"text": self.text(raw.decode())}
                except (UnicodeDecodeError, AttributeError):
                    req["body"] = {"binary": "xlsx workbook" if raw[:2] == b"PK" else f"<{len(raw)} bytes>"}
            rh = {}
            for h in RES_HEADERS:
                if h in res.headers:
                    rh[h] = self.etag(res.headers[h]) if h == "ETag" else self.text(res.headers[h])
            if "Set-Cookie" in res.headers:
                rh["Set-Cookie"] = "<cookies: " + ", ".join(sorted(c.name for c in res.cookies)) + ">"
            self.names[name] = self.names.get(name, 0) + 1
            ex = {"name": name if self.names[name] == 1 else f"{name} ({self.names[name]})"}
            if note:
                ex["note"] = note
            ex["request"] = req
            ex["response"] = {"status": res.status_code, "headers": rh, "body": self.body(res, keep)}
            self.exchanges.append(ex)
        if expect is not None and res.status_code != expect:
            print(f"   ! {name}: expected {expect}, got {res.status_code}: {res.text[:200]}", flush=True)
        self.http.cookies.clear()
        return res

    def wait(self, what, probe, timeout=120, every=0.5):
        """Polls `probe` (unrecorded) until true. Returns seconds waited, or None on timeout."""
        t0 = time.time()
        while time.time() - t0 < timeout:
            self.paused = True
            try:
                ok = probe()
            finally:
                self.paused = False
            if ok:
                return time.time() - t0
            time.sleep(every)
        print(f"   ! timed out waiting for {what}", flush=True)
        return None
