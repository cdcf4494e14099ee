#!/usr/bin/env python3
# ruff: noqa
# fmt: off
"""Drives an ODK Central server the way a panel-survey platform does and records every exchange.

The scenarios that tests hold the stand-in to; they also run against a real server (`test_standin_recorded.py`
says what is compared). CSV exports and the races of a busy server are left out, as nothing here uses them.

    python record.py --base-url http://127.0.0.1:8383 --email admin@example.org --password ... --out recorded

Needs: requests, openpyxl, pyodk. The account must be a site administrator. Creates and
fills new projects; deletes only what it created. --only a,b runs some sections.
"""
import argparse
import base64
import datetime
import hashlib
import io
import json
import os
import pathlib
import re
import sys
import tempfile
import threading
import time
import urllib.parse

import openpyxl

from recorder import Recorder

HERE = pathlib.Path(__file__).resolve().parent
FORMS = HERE / "forms"
XML = {"Content-Type": "application/xml"}
OR = {"X-OpenRosa-Version": "1.0"}
COLLECT = {"X-OpenRosa-Version": "1.0", "User-Agent": "org.odk.collect.android/v2026.2.0 (Dalvik/2.1.0)"}
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
REGIONS = "name,label\nnorth,North\nsouth,South\neast,East\n"
REGIONS2 = REGIONS + "west,West\n"
HOUSEHOLDS_CSV = "name,label\nx,Not a list\n"
JPG = b"\xff\xd8\xff\xe0JFIF-not-a-real-photo"
ODATA_SYS = "__id,__system/submissionDate,__system/updatedAt,__system/reviewState,__system/edits"


# ---------------------------------------------------------------- small builders
def md_tables(md):
    sheets, cur = {}, None
    for line in md.splitlines():
        cells = [c.strip() for c in line.strip().strip("|").split("|")]
        if not line.strip():
            continue
        if cells[0]:
            cur = sheets.setdefault(cells[0], [])
        if any(cells[1:]):
            cur.append(cells[1:])
    return sheets


def md_to_xlsx(md):
    wb = openpyxl.Workbook()
    wb.remove(wb.active)
    for name, rows in md_tables(md).items():
        ws = wb.create_sheet(name)
        for r in rows:
            ws.append([c or None for c in r])
    buf = io.BytesIO()
    wb.save(buf)
    return buf.getvalue()


def xform(form_id, version, fields, title=None, entity=None, entities_version=None, instances="", saveto=None):
    """fields: ("name","type") | ("group"|"repeat", "name", [fields]). entity: attribute text of <entity>."""
    saveto = saveto or {}
    binds, body = [], []

    def walk(fs, path, indent):
        out, b = [], []
        for f in fs:
            if f[0] in ("group", "repeat"):
                inner, ib = walk(f[2], f"{path}/{f[1]}", indent)
                out.append(f"<{f[1]}>{inner}</{f[1]}>")
                ref = f"{path}/{f[1]}"
                b.append(f'<group ref="{ref}">' + (f'<repeat nodeset="{ref}">{ib}</repeat>' if f[0] == "repeat" else ib) + "</group>")
            else:
                out.append(f"<{f[0]}/>")
                sv = f' entities:saveto="{saveto[f[0]]}"' if f[0] in saveto else ""
                binds.append(f'<bind nodeset="{path}/{f[0]}" type="{f[1]}"{sv}/>')
                tag = "upload" if f[1] == "binary" else "select" if f[1] == "select" else "input"
                media = ' mediatype="image/*"' if f[1] == "binary" else ""
                b.append(f'<{tag} ref="{path}/{f[0]}"{media}><label>{f[0]}</label></{tag}>')
        return "".join(out), "".join(b)
    tree, body = walk(fields, "/data", 0)
    ent = f"<entity {entity}><label/></entity>" if entity else ""
    ev = f' entities:entities-version="{entities_version}"' if entities_version else ""
    ver = f' version="{version}"' if version is not None else ""
    return (f'<?xml version="1.0"?><h:html xmlns="http://www.w3.org/2002/xforms" xmlns:h="http://www.w3.org/1999/xhtml"'
            f' xmlns:jr="http://openrosa.org/javarosa" xmlns:orx="http://openrosa.org/xforms"'
            f' xmlns:entities="http://www.opendatakit.org/xforms/entities"><h:head><h:title>{title or form_id}</h:title>'
            f'<model{ev}><instance><data id="{form_id}"{ver}>{tree}<meta><instanceID/>{ent}</meta></data></instance>{instances}'
            f'{"".join(binds)}<bind nodeset="/data/meta/instanceID" type="string" readonly="true()" jr:preload="uid"/>'
            f'</model></h:head><h:body>{body}</h:body></h:html>')


def sub_xml(form_id, version, iid, inner="", deprecated=None, entity="", name=None):
    dep = f"<deprecatedID>{deprecated}</deprecatedID>" if deprecated else ""
    ver = f' version="{version}"' if version is not None else ""
    iname = f"<instanceName>{name}</instanceName>" if name else ""
    ids = f"<instanceID>{iid}</instanceID>" if iid else ""
    return (f'<data xmlns:jr="http://openrosa.org/javarosa" xmlns:orx="http://openrosa.org/xforms" id="{form_id}"{ver}>'
            f"{inner}<meta>{dep}{ids}{iname}{entity}</meta></data>")


ENTITY_OF = {}   # instanceID -> entity id; an edit keeps the id of the submission it replaces, as Collect does


def entity_of(iid, deprecated=None):
    if iid not in ENTITY_OF:
        h = hashlib.sha256(("entity of " + iid).encode()).hexdigest()
        ENTITY_OF[iid] = ENTITY_OF.get(deprecated) or f"{h[:8]}-{h[8:12]}-4{h[13:16]}-a{h[17:20]}-{h[20:32]}"
    return ENTITY_OF[iid]


def baseline(iid, name="Ada Lovelace", region="north", members=(("Ada", 36, "f"),), photo="", version="2026010101",
             deprecated=None, entity_id=None, geo="34.5553 69.2075 1790 4.2", needs="shelter work", income="120.5",
             return_date="2025-11-30", phone="070000001", form_id="returnee_baseline", extra=""):
    mem = "".join(f"<member><member_name>{n}</member_name><member_age>{a}</member_age><member_sex>{s}</member_sex></member>"
                  for n, a, s in members)
    if entity_id is None:
        entity_id = entity_of(iid, deprecated)
    ENTITY_OF[iid] = entity_id
    ent = (f'<entity dataset="households" create="1" id="{entity_id}"><label>{name}</label></entity>' if entity_id else "")
    inner = (f"<start>2026-01-15T10:00:00.000+01:00</start><end>2026-01-15T10:20:00.000+01:00</end><deviceid>collect:abc</deviceid>"
             f"<consent>yes</consent><hh><head_name>{name}</head_name><region>{region}</region><return_date>{return_date}</return_date>"
             f"<location>{geo}</location><phone>{phone}</phone></hh><needs>{needs}</needs><income>{income}</income>{mem}"
             f"<photo>{photo}</photo><thanks/>{extra}")
    return sub_xml(form_id, version, iid, inner, deprecated, ent, name)


def followup(iid, entity_id, base_version, still="yes", employment="employed", phone=None, moves=(), version="w1",
             trunk="", branch="", create="", deprecated=None, form_id="returnee_followup"):
    mv = "".join(f"<move><move_place>{p}</move_place><move_date>{d}</move_date></move>" for p, d in moves)
    cr = f' create="{create}"' if create else ""
    ph = "" if phone is None else f"<phone>{phone}</phone>"
    em = "" if employment is None else f"<employment>{employment}</employment>"
    st = "" if still is None else f"<still_here>{still}</still_here>"
    ent = (f'<entity dataset="households" update="1"{cr} id="{entity_id}" baseVersion="{base_version}" trunkVersion="{trunk}"'
           f' branchId="{branch}"/>')
    inner = (f"<start>2026-04-15T10:00:00.000+01:00</start><household>{entity_id}</household>"
             f"<interview_date>2026-04-15</interview_date>{st}{em}{ph}"
             f"<location>34.5 69.2 0 0</location><needs>food</needs>{mv}")
    return sub_xml(form_id, version, iid, inner, deprecated, ent)


class Run:
    def __init__(self, r, email, password, pause=time.sleep):
        self.r, self.email, self.password = r, email, password
        self.pause = pause
        self.started = None

    # -- shared steps ---------------------------------------------------
    def login(self):
        res = self.r.http.post(self.r.base + "/v1/sessions", json={"email": self.email, "password": self.password})
        res.raise_for_status()
        self.r.token = res.json()["token"]
        self.r.name_value(self.r.token, "<token:admin>")
        self.r.http.cookies.clear()

    def quiet(self, method, path, **kw):
        kw.setdefault("expect", 200)
        return self.r.call("-", method, path, record=False, **kw)

    def project(self, name):
        pid = self.quiet("POST", "/v1/projects", json_={"name": name}).json()["id"]
        self.r.num("project", pid)
        return pid

    def app_user(self, pid, name):
        j = self.quiet("POST", f"/v1/projects/{pid}/app-users", json_={"displayName": name}).json()
        self.r.num("actor", j["id"])
        self.r.name_value(j["token"], f"<token:{name}>")
        return j["id"], j["token"]

    def publish(self, pid, xml, attachments=()):
        j = self.quiet("POST", f"/v1/projects/{pid}/forms", data=xml, headers=XML).json()
        fid = j["xmlFormId"]
        for n, content in attachments:
            self.quiet("POST", f"/v1/projects/{pid}/forms/{fid}/draft/attachments/{n}", data=content,
                       headers={"Content-Type": "text/csv"})
        self.quiet("POST", f"/v1/projects/{pid}/forms/{fid}/draft/publish")
        return fid

    def new_version(self, pid, fid, xml, expect=200):
        self.quiet("POST", f"/v1/projects/{pid}/forms/{fid}/draft", data=xml, headers=XML, params={"ignoreWarnings": "true"}, expect=expect)
        return self.quiet("POST", f"/v1/projects/{pid}/forms/{fid}/draft/publish", expect=expect)

    def send(self, name, token, pid, xml, files=(), note=None, expect=201, headers=None, device="collect:tablet-a", record=True):
        parts = [("xml_submission_file", ("submission.xml", xml.encode(), "text/xml"))]
        parts += [(n, (n, c, t)) for n, c, t in files]
        return self.r.call(name, "POST", f"/v1/key/{token}/projects/{pid}/submission", note=note, auth="in the path",
                           headers=headers or COLLECT, params={"deviceID": device} if device else None, files=parts,
                           expect=expect, record=record)

    def rest_send(self, pid, fid, xml, expect=200):
        return self.quiet("POST", f"/v1/projects/{pid}/forms/{fid}/submissions", data=xml, headers=XML, expect=expect).json()

    def wait_entity(self, pid, ds, uid, version=1):
        def probe():
            x = self.r.call("-", "GET", f"/v1/projects/{pid}/datasets/{ds}/entities/{uid}", record=False)
            return x.status_code == 200 and x.json()["currentVersion"]["version"] >= version
        return self.r.wait(f"entity {uid} v{version}", probe)

    def wait_processed(self, pid, fid, iid, what=("entity.create", "entity.update.version", "entity.error",
                                                 "submission.backlog.hold")):
        """Waits until the submission's own audit log shows that the worker dealt with it."""
        def probe():
            x = self.r.call("-", "GET", f"/v1/projects/{pid}/forms/{fid}/submissions/{urllib.parse.quote(iid)}/audits", record=False)
            return x.status_code == 200 and any(a["action"] in what for a in x.json())
        return self.r.wait(f"processing of {iid}", probe)

    # ==================================================================
    def s01_sessions(self):
        r = self.r
        r.section("01_sessions", "Logging in, tokens, authentication failures")
        res = r.call("login", "POST", "/v1/sessions", auth="none", json_={"email": self.email, "password": self.password}, expect=200)
        t2 = res.json()["token"]
        r.name_value(t2, "<token:second session>")
        r.call("login: wrong password", "POST", "/v1/sessions", auth="none", json_={"email": self.email, "password": "wrong-password"})
        r.call("login: unknown user", "POST", "/v1/sessions", auth="none", json_={"email": "nobody@example.org", "password": "wrong-password"})
        r.call("login: password missing", "POST", "/v1/sessions", auth="none", json_={"email": self.email})
        r.call("login: broken JSON", "POST", "/v1/sessions", auth="none", headers={"Content-Type": "application/json"}, data="{not json")
        r.call("current user", "GET", "/v1/users/current")
        r.call("current user, extended", "GET", "/v1/users/current", headers={"X-Extended-Metadata": "true"})
        r.call("no credentials", "GET", "/v1/projects", auth="none")
        r.call("unknown bearer token", "GET", "/v1/projects", auth={"value": "Bearer " + "a" * 64, "shown": "Bearer (well-formed but unknown)"})
        r.call("malformed bearer token", "GET", "/v1/projects", auth={"value": "Bearer nope", "shown": "Bearer nope"})
        r.call("basic auth over plain http", "GET", "/v1/projects", auth={"value": "Basic " + base64.b64encode(
            f"{self.email}:{self.password}".encode()).decode(), "shown": "Basic (right credentials)"})
        r.call("basic auth behind a TLS proxy", "GET", "/v1/users/current", headers={"X-Forwarded-Proto": "https"}, auth={
            "value": "Basic " + base64.b64encode(f"{self.email}:{self.password}".encode()).decode(), "shown": "Basic (right credentials)"})
        second = {"value": f"Bearer {t2}", "shown": "second session"}
        r.call("session restore", "GET", "/v1/sessions/restore", auth=second)
        r.call("logout", "DELETE", "/v1/sessions/current", auth=second)
        r.call("token after logout", "GET", "/v1/users/current", auth=second)
        r.call("path without /v1", "GET", "/projects")
        r.call("path with /v2", "GET", "/v2/projects")
        r.call("unknown path", "GET", "/v1/no-such-thing")
        r.call("roles", "GET", "/v1/roles")

    # ==================================================================
    def s02_projects(self):
        r = self.r
        r.section("02_projects", "Projects")
        res = r.call("create project", "POST", "/v1/projects", json_={"name": "Contract projects", "description": "Wave planning"}, expect=200)
        pid = res.json()["id"]
        r.call("create project without a name", "POST", "/v1/projects", json_={})
        mine = lambda data: [p for p in data if p["id"] == pid]
        note = "The record keeps only this run's project."
        r.call("list projects", "GET", "/v1/projects", keep=mine, note=note)
        r.call("list projects, extended", "GET", "/v1/projects", headers={"X-Extended-Metadata": "true"}, keep=mine, note=note)
        r.call("list projects with forms", "GET", "/v1/projects", params={"forms": "true"}, keep=mine, note=note)
        r.call("get project", "GET", f"/v1/projects/{pid}")
        r.call("get project, extended", "GET", f"/v1/projects/{pid}", headers={"X-Extended-Metadata": "true"})
        r.call("patch project", "PATCH", f"/v1/projects/{pid}", json_={"description": "Two waves"})
        r.call("archive project", "PATCH", f"/v1/projects/{pid}", json_={"archived": True})
        r.call("get missing project", "GET", "/v1/projects/99999999")
        r.call("get project with a text id", "GET", "/v1/projects/abc")
        r.call("delete project", "DELETE", f"/v1/projects/{pid}")
        r.call("get deleted project", "GET", f"/v1/projects/{pid}")

    # ==================================================================
    def s03_forms(self):
        r = self.r
        pid = self.project("Contract forms")
        b1 = (FORMS / "returnee_baseline.v1.xml").read_text()
        b2 = (FORMS / "returnee_baseline.v2.xml").read_text()
        base = f"/v1/projects/{pid}/forms"
        f = base + "/returnee_baseline"
        r.section("03_forms", "Form drafts, publishing, versions, attachments, states")
        r.call("list forms, none yet", "GET", base)
        r.call("create draft from XForm XML", "POST", base, headers=XML, data=b1, expect=200)
        r.call("get form that has only a draft", "GET", f)
        r.call("get form that has only a draft, extended", "GET", f, headers={"X-Extended-Metadata": "true"})
        r.call("OData of a form that has only a draft", "GET", f + ".svc/Submissions")
        r.call("get draft", "GET", f + "/draft")
        r.call("same form id again", "POST", base, headers=XML, data=b1, note="Duplicate form id: 409.3.")
        r.call("dataset diff of the draft", "GET", f + "/draft/dataset-diff")
        r.call("draft attachments, nothing uploaded", "GET", f + "/draft/attachments")
        r.call("upload attachment", "POST", f + "/draft/attachments/regions.csv", headers={"Content-Type": "text/csv"}, data=REGIONS)
        r.call("upload attachment the form does not name", "POST", f + "/draft/attachments/other.csv", headers={"Content-Type": "text/csv"}, data=REGIONS)
        r.call("draft attachments", "GET", f + "/draft/attachments")
        r.call("publish draft", "POST", f + "/draft/publish", expect=200)
        r.call("publish again without a draft", "POST", f + "/draft/publish")
        r.call("get published form", "GET", f)
        r.call("get published form, extended", "GET", f, headers={"X-Extended-Metadata": "true"})
        r.call("list forms", "GET", base)
        r.call("list forms, extended", "GET", base, headers={"X-Extended-Metadata": "true"})
        r.call("get missing form", "GET", base + "/no_such_form")
        r.call("form xml", "GET", f + ".xml")
        r.call("form xlsx when XML was uploaded", "GET", f + ".xlsx")
        r.call("form fields", "GET", f + "/fields")
        r.call("form fields, OData names", "GET", f + "/fields", params={"odata": "true"})
        r.call("published attachments", "GET", f + "/attachments")
        r.call("download attachment", "GET", f + "/attachments/regions.csv")
        r.call("upload to a published form (no draft)", "POST", f + "/draft/attachments/regions.csv", headers={"Content-Type": "text/csv"}, data=REGIONS2)
        # versions
        r.call("draft with an unchanged version string", "POST", f + "/draft", headers=XML, data=b1)
        r.call("publish an existing version string", "POST", f + "/draft/publish", note="Version conflict: 409.6.")
        r.call("publish with ?version=", "POST", f + "/draft/publish", params={"version": "2026010102"})
        r.call("xml after ?version=", "GET", f + ".xml")
        r.call("empty-body draft copies the published form", "POST", f + "/draft")
        r.call("attachments are copied into the new draft", "GET", f + "/draft/attachments")
        r.call("delete draft", "DELETE", f + "/draft")
        r.call("delete draft again", "DELETE", f + "/draft")
        r.call("draft that drops a field", "POST", f + "/draft", headers=XML, data=b2, note="v2 renames income: 400.16 with a workflow warning, for XML too.")
        r.call("the same, ignoring warnings", "POST", f + "/draft", params={"ignoreWarnings": "true"}, headers=XML, data=b2, expect=200)
        r.call("attachments of the v2 draft", "GET", f + "/draft/attachments")
        r.call("publish v2", "POST", f + "/draft/publish")
        r.call("versions", "GET", f + "/versions")
        r.call("versions, extended", "GET", f + "/versions", headers={"X-Extended-Metadata": "true"})
        r.call("one version", "GET", f + "/versions/2026010101")
        r.call("xml of one version", "GET", f + "/versions/2026010101.xml")
        r.call("fields of one version", "GET", f + "/versions/2026010101/fields")
        r.call("missing version", "GET", f + "/versions/nope")
        # bad input
        r.call("not XML", "POST", base, headers=XML, data="this is not xml")
        r.call("XML cut short", "POST", base, headers=XML, data=b1[:400])
        r.call("XML cut in the middle", "POST", base, headers=XML, data=b1.replace("returnee_baseline", "cut_form")[:2600])
        r.call("XForm without a meta block", "POST", base, headers=XML, data=re.sub("<meta>.*?</meta>", "", xform("no_meta", "1", [("a", "string")])))
        r.call("two fields of one name", "POST", base, headers=XML, data=xform("twice", "1", [("a", "string"), ("a", "string")]))
        r.call("empty body", "POST", base, headers=XML, data="")
        r.call("XML that is not an XForm", "POST", base, headers=XML, data="<html><body/></html>")
        r.call("XForm without an id", "POST", base, headers=XML, data=xform("x", "1", [("a", "string")]).replace(' id="x"', ""))
        r.call("form id ending in .xml", "POST", base, headers=XML, data=xform("bad.xml", "1", [("a", "string")]))
        r.call("create and publish in one step", "POST", base, params={"publish": "true"}, headers=XML, data=xform("one_step", "1", [("a", "string")]))
        r.call("create with no version attribute", "POST", base, params={"publish": "true"}, headers=XML, data=xform("no_version", None, [("a", "string")]))
        r.call("form id with a space and a letter outside ASCII", "POST", base, params={"publish": "true"}, headers=XML, data=xform("retour\u00e9 1", "1", [("a", "string")]))
        r.call("get it", "GET", base + "/" + urllib.parse.quote("retour\u00e9 1"))
        r.call("names that OData cannot hold", "POST", base, params={"publish": "true"}, headers=XML, data=xform("odd.names", "1", [("a.b", "string"), ("c-d", "string")]))
        r.call("fields of it", "GET", base + "/odd.names/fields")
        r.call("fields of it, OData names", "GET", base + "/odd.names/fields", params={"odata": "true"})
        # type change
        t2 = xform("one_step", "2", [("a", "int")])
        r.call("draft that changes a field's type", "POST", base + "/one_step/draft", headers=XML, data=t2, note="Refused when the draft is made: 400.17.")
        r.call("draft whose form id differs from the URL", "POST", base + "/one_step/draft", headers=XML, data=xform("two_step", "2", [("a", "string")]))
        # xlsx
        clean = md_to_xlsx((FORMS / "xlsx_clean.md").read_text())
        r.call("upload XLSX", "POST", base, params={"publish": "true"}, headers={"Content-Type": XLSX, "X-XlsForm-FormId-Fallback": "xlsx_clean"}, data=clean)
        r.call("download XLSX", "GET", base + "/xlsx_clean.xlsx")
        r.call("download XLS of an XLSX form", "GET", base + "/xlsx_clean.xls")
        warn = md_to_xlsx((FORMS / "xlsx_warning.md").read_text())
        r.call("upload XLSX with pyxform warnings", "POST", base, headers={"Content-Type": XLSX, "X-XlsForm-FormId-Fallback": "xlsx_warning"}, data=warn)
        r.call("same, ignoring warnings", "POST", base, params={"ignoreWarnings": "true"}, headers={"Content-Type": XLSX, "X-XlsForm-FormId-Fallback": "xlsx_warning"}, data=warn)
        r.call("upload XLSX with no form id in settings", "POST", base, headers={"Content-Type": XLSX, "X-XlsForm-FormId-Fallback": "from%20header"},
               data=md_to_xlsx("| survey | | | |\n| | type | name | label |\n| | text | a | A |\n"))
        r.call("upload XLSX that pyxform refuses", "POST", base, headers={"Content-Type": XLSX, "X-XlsForm-FormId-Fallback": "bad"},
               data=md_to_xlsx("| survey | | | |\n| | type | name | label |\n| | select_one nolist | a | A |\n"))
        # attachments: dataset linking
        fu = (FORMS / "returnee_followup.v1.xml").read_text()
        self.quiet("POST", base, headers=XML, data=fu)
        g = base + "/returnee_followup"
        r.call("an entity list of that name exists: linked by itself", "GET", g + "/draft/attachments")
        r.call("upload a CSV over a linked list", "POST", g + "/draft/attachments/households.csv", headers={"Content-Type": "text/csv"}, data=HOUSEHOLDS_CSV)
        r.call("link the list again", "PATCH", g + "/draft/attachments/households.csv", json_={"dataset": True})
        r.call("unlink the list", "PATCH", g + "/draft/attachments/households.csv", json_={"dataset": False})
        r.call("publish with a missing attachment", "POST", g + "/draft/publish", note="A published form may lack an attachment.")
        r.call("attachment without a file", "GET", g + "/attachments/households.csv")
        # states
        for st in ("closing", "closed", "open"):
            r.call(f"state {st}", "PATCH", f, json_={"state": st})
        r.call("state unknown", "PATCH", f, json_={"state": "paused"})
        r.call("patch of the form id is ignored", "PATCH", f, json_={"xmlFormId": "other", "name": "Other"})
        # delete / restore
        r.call("delete form", "DELETE", base + "/one_step")
        r.call("get deleted form", "GET", base + "/one_step")
        trash = r.call("deleted forms", "GET", base, params={"deleted": "true"})
        r.call("upload a form with a deleted form's id and version", "POST", base, params={"publish": "true"}, headers=XML, data=xform("one_step", "1", [("a", "string")]), note="400.16: a warning, not a conflict.")
        r.call("the same version, ignoring warnings", "POST", base, params={"publish": "true", "ignoreWarnings": "true"}, headers=XML, data=xform("one_step", "1", [("a", "string")]))
        r.call("a new version, ignoring warnings", "POST", base, params={"publish": "true", "ignoreWarnings": "true"}, headers=XML, data=xform("one_step", "9", [("a", "string")]))
        self.quiet("DELETE", base + "/no_version")
        trash = self.quiet("GET", base, params={"deleted": "true"}).json()
        numeric = [x["id"] for x in trash if x["xmlFormId"] == "no_version"][0]
        r.call("restore form by number", "POST", base + f"/{numeric}/restore")

    # ==================================================================
    def s04_app_users(self):
        r = self.r
        pid = self.project("Contract app users")
        self.publish(pid, xform("assigned", "1", [("a", "string")]))
        base = f"/v1/projects/{pid}/app-users"
        f = f"/v1/projects/{pid}/forms/assigned"
        r.section("04_app_users", "App users and assignments")
        res = r.call("create app user", "POST", base, json_={"displayName": "Tablet A"}, expect=200)
        aid, tok = res.json()["id"], res.json()["token"]
        r.name_value(tok, "<token:Tablet A>")
        r.call("create app user without a name", "POST", base, json_={})
        r.call("create app user with the same name", "POST", base, json_={"displayName": "Tablet A"}, note="Names are not unique.")
        r.call("list app users", "GET", base)
        r.call("list app users, extended", "GET", base, headers={"X-Extended-Metadata": "true"})
        r.call("formList before assignment", "GET", f"/v1/key/{tok}/projects/{pid}/formList", auth="in the path", headers=OR)
        r.call("submit before assignment", "POST", f"/v1/key/{tok}/projects/{pid}/submission", auth="in the path", headers=OR,
               files=[("xml_submission_file", ("s.xml", sub_xml("assigned", "1", r.iid("unassigned-1"), "<a>1</a>").encode(), "text/xml"))])
        r.call("assign app-user role on the form", "POST", f"{f}/assignments/2/{aid}")
        r.call("assign again", "POST", f"{f}/assignments/2/{aid}")
        r.call("assign by role name", "POST", f"{f}/assignments/app-user/{aid}")
        r.call("form assignments", "GET", f"{f}/assignments")
        r.call("form assignments of the role", "GET", f"{f}/assignments/2")
        r.call("project's form assignments", "GET", f"/v1/projects/{pid}/assignments/forms")
        r.call("formList after assignment", "GET", f"/v1/key/{tok}/projects/{pid}/formList", auth="in the path", headers=OR)
        r.call("assign to a form that does not exist", "POST", f"/v1/projects/{pid}/forms/nope/assignments/2/{aid}")
        r.call("assign a user that does not exist", "POST", f"{f}/assignments/2/99999999")
        r.call("app user token on REST", "GET", f"/v1/key/{tok}/projects/{pid}/forms", auth="in the path")
        r.call("app user token lists submissions", "GET", f"/v1/key/{tok}/projects/{pid}/forms/assigned/submissions", auth="in the path")
        r.call("app user token as a bearer token", "GET", f"/v1/projects/{pid}/forms", auth={"value": f"Bearer {tok}", "shown": "Bearer <token:Tablet A>"})
        r.call("unassign", "DELETE", f"{f}/assignments/2/{aid}")
        r.call("unassign again", "DELETE", f"{f}/assignments/2/{aid}")
        self.quiet("POST", f"{f}/assignments/2/{aid}")
        r.call("revoke the token only", "DELETE", f"/v1/sessions/{tok}", note="The app user stays, its token is gone for good.")
        r.call("list app users after revoking", "GET", base)
        r.call("formList with a revoked token", "GET", f"/v1/key/{tok}/projects/{pid}/formList", auth="in the path", headers=OR)
        r.call("delete app user", "DELETE", f"{base}/{aid}")
        r.call("list app users after deleting", "GET", base)
        r.call("malformed token", "GET", f"/v1/key/abc/projects/{pid}/formList", auth="in the path", headers=OR)

    # ==================================================================
    def s05_openrosa(self):
        r = self.r
        pid = self.project("Contract OpenRosa")
        b1 = (FORMS / "returnee_baseline.v1.xml").read_text()
        self.publish(pid, b1, [("regions.csv", REGIONS)])
        fu = (FORMS / "returnee_followup.v1.xml").read_text()
        self.publish(pid, fu)
        aid, tok = self.app_user(pid, "Tablet B")
        for fid in ("returnee_baseline", "returnee_followup"):
            self.quiet("POST", f"/v1/projects/{pid}/forms/{fid}/assignments/2/{aid}")
        base = f"/v1/key/{tok}/projects/{pid}"
        P = dict(auth="in the path")
        bl = lambda *a, **k: baseline(*a, **{"entity_id": "", **k})   # no entity unless one is given
        r.section("05_openrosa", "What ODK Collect does: formList, manifest, downloads, submission")
        r.call("formList without the OpenRosa header", "GET", base + "/formList", **P)
        r.call("formList", "GET", base + "/formList", headers=OR, **P)
        r.call("formList of one form", "GET", base + "/formList", headers=OR, params={"formID": "returnee_followup"}, **P)
        r.call("formList as a web user", "GET", f"/v1/projects/{pid}/formList", headers=OR)
        r.call("form xml as app user", "GET", base + "/forms/returnee_baseline.xml", headers=OR, **P)
        r.call("manifest with a media file", "GET", base + "/forms/returnee_baseline/manifest", headers=OR, **P)
        m = r.call("manifest with an entity list", "GET", base + "/forms/returnee_followup/manifest", headers=OR, **P)
        a = r.call("download media", "GET", base + "/forms/returnee_baseline/attachments/regions.csv", headers=OR, **P)
        r.call("download media, If-None-Match", "GET", base + "/forms/returnee_baseline/attachments/regions.csv", headers={**OR, "If-None-Match": a.headers["ETag"]}, **P)
        e = r.call("download empty entity list", "GET", base + "/forms/returnee_followup/attachments/households.csv", headers=OR, **P)
        # submissions
        r.call("HEAD submission", "HEAD", base + "/submission", headers=OR, **P)
        r.call("HEAD submission without the OpenRosa header", "HEAD", base + "/submission", **P)
        r.call("GET submission", "GET", base + "/submission", headers=OR, **P)
        e1 = r.uuid4("household-1")
        i1 = r.iid("baseline-1")
        x1 = bl(i1, entity_id=e1)
        self.send("new submission", tok, pid, x1)
        self.send("same submission again, byte for byte", tok, pid, x1, note="A retry: 201, nothing is created twice.")
        self.send("same instanceID, different XML", tok, pid, x1.replace("070000001", "070000002"), note="409.1.", expect=409)
        self.send("same instanceID, same data, one added space", tok, pid, x1.replace("<thanks/>", "<thanks/> "), expect=409,
                  note="The comparison is of bytes, not of data.")
        r.call("submission as the server holds it", "GET", f"/v1/projects/{pid}/forms/returnee_baseline/submissions/{i1}")
        self.send("without the OpenRosa header", tok, pid, bl(r.iid("no-header")), headers={"User-Agent": "x"}, expect=400)
        self.send("unknown form", tok, pid, sub_xml("no_such_form", "1", r.iid("unknown-form")), expect=404)
        self.send("unknown version", tok, pid, bl(r.iid("unknown-version"), version="1999"), expect=404, note="404.6.")
        self.send("no version attribute", tok, pid, bl(r.iid("no-version")).replace(' version="2026010101"', ""), expect=404)
        self.send("broken XML", tok, pid, "<data id='returnee_baseline'", expect=400)
        self.send("no instanceID", tok, pid, sub_xml("returnee_baseline", "2026010101", None, "<consent>yes</consent>"),
                  note="The server makes an instanceID up, so a retry creates a second submission.", expect=201)
        r.call("no XML part", "POST", base + "/submission", headers=OR, files=[("other", ("a.txt", b"x", "text/plain"))], **P)
        r.call("not multipart", "POST", base + "/submission", headers={**OR, "Content-Type": "text/xml"}, data=bl(r.iid("not-multipart")), **P)
        self.send("no id attribute on the root", tok, pid, bl(r.iid("no-id")).replace(' id="returnee_baseline"', ""), expect=400)
        self.send("elements the form does not have", tok, pid, bl(r.iid("extra-1"), extra="<surprise>1</surprise>"), note="Kept in the XML, absent from OData.")
        long_id = "uuid:" + "a" * 70
        self.send("instanceID longer than 64 characters", tok, pid, bl(long_id), expect=400)
        self.send("no deviceID", tok, pid, bl(r.iid("no-device")), device=None, headers=OR)
        self.wait_entity(pid, "households", e1)
        # attachments
        i2 = r.iid("photo-1")
        x2 = bl(i2, name="Grace Hopper", photo="photo1.jpg", entity_id=r.uuid4("household-2"))
        sub2 = f"/v1/projects/{pid}/forms/returnee_baseline/submissions/{i2}"
        self.send("XML first, its photo missing", tok, pid, x2)
        r.call("attachments: expected but missing", "GET", sub2 + "/attachments")
        r.call("missing attachment", "GET", sub2 + "/attachments/photo1.jpg")
        self.send("the same XML again with its photo", tok, pid, x2, files=[("photo1.jpg", JPG, "image/jpeg")])
        r.call("attachments: present", "GET", sub2 + "/attachments")
        a2 = r.call("download attachment", "GET", sub2 + "/attachments/photo1.jpg")
        if "ETag" in a2.headers:
            r.call("download attachment, If-None-Match", "GET", sub2 + "/attachments/photo1.jpg", headers={"If-None-Match": a2.headers["ETag"]})
        r.call("attachments do not touch updatedAt", "GET", sub2)
        self.send("a file the XML does not name", tok, pid, bl(r.iid("photo-2"), photo=""), files=[("stray.jpg", JPG, "image/jpeg")])
        r.call("it was dropped", "GET", f"/v1/projects/{pid}/forms/returnee_baseline/submissions/{r.iid('photo-2')}/attachments")
        self.send("photo replaced by a second upload", tok, pid, x2, files=[("photo1.jpg", JPG + b"2", "image/jpeg")])
        # edits through OpenRosa
        i1b = r.iid("baseline-1-edit-1")
        self.send("edit by deprecatedID as an app user", tok, pid, bl(i1b, name="Ada King", entity_id=e1, deprecated=i1))
        r.call("after the edit", "GET", f"/v1/projects/{pid}/forms/returnee_baseline/submissions/{i1}")
        self.send("edit of a deprecated version", tok, pid, bl(r.iid("baseline-1-edit-x"), deprecated=i1), expect=409, note="409.9.")
        self.send("retry of the original after it was edited", tok, pid, x1, expect=409, note="A late retry of an edited submission.")
        self.send("edit of an unknown submission", tok, pid, bl(r.iid("edit-y"), deprecated=r.iid("never-sent")), expect=404)
        # form states
        f = f"/v1/projects/{pid}/forms/returnee_baseline"
        self.quiet("PATCH", f, json_={"state": "closing"})
        r.call("formList while closing", "GET", base + "/formList", headers=OR, **P)
        r.call("form xml while closing", "GET", base + "/forms/returnee_baseline.xml", headers=OR, keep=None, **P)
        self.send("new submission while closing", tok, pid, bl(r.iid("closing-1")))
        self.quiet("PATCH", f, json_={"state": "closed"})
        r.call("formList while closed", "GET", base + "/formList", headers=OR, **P)
        r.call("form xml while closed", "GET", base + "/forms/returnee_baseline.xml", headers=OR, **P)
        self.send("new submission while closed", tok, pid, bl(r.iid("closed-1")), expect=409, note="409.2.")
        self.send("retry of an accepted submission while closed", tok, pid, x2, expect=409)
        self.quiet("PATCH", f, json_={"state": "open"})
        # versions
        b2 = (FORMS / "returnee_baseline.v2.xml").read_text()
        self.new_version(pid, "returnee_baseline", b2)
        self.send("old version after a new one is published", tok, pid, bl(r.iid("old-version-1")))
        r.call("formList shows only the newest version", "GET", base + "/formList", headers=OR, params={"formID": "returnee_baseline"}, **P)
        # entity list download
        r.wait("entities", lambda: len(self.quiet("GET", f"/v1/projects/{pid}/datasets/households/entities").json()) >= 2)
        m2 = r.call("manifest after entities were made", "GET", base + "/forms/returnee_followup/manifest", headers=OR, **P)
        e2 = r.call("download entity list", "GET", base + "/forms/returnee_followup/attachments/households.csv", headers=OR, **P)
        r.call("download entity list, If-None-Match", "GET", base + "/forms/returnee_followup/attachments/households.csv", headers={**OR, "If-None-Match": e2.headers["ETag"]}, **P)
        r.call("download entity list, old If-None-Match", "GET", base + "/forms/returnee_followup/attachments/households.csv", headers={**OR, "If-None-Match": e.headers["ETag"]}, **P)
        r.call("integrity url", "GET", base + "/datasets/households/integrity", headers=OR, params={"id": f"{e1},{r.uuid4('never-made')}"}, **P)
        self.quiet("DELETE", f"/v1/projects/{pid}/datasets/households/entities/{e1}")
        r.call("integrity url after a deletion", "GET", base + "/datasets/households/integrity", headers=OR, params={"id": f"{e1},{r.uuid4('never-made')}"}, **P)
        r.call("manifest after a deletion", "GET", base + "/forms/returnee_followup/manifest", headers=OR, **P)
        # draft testing
        self.quiet("POST", f + "/draft")
        dt = self.quiet("GET", f + "/draft").json()["draftToken"]
        r.name_value(dt, "<token:draft>")
        r.call("draft test formList", "GET", f"/v1/test/{dt}/projects/{pid}/forms/returnee_baseline/draft/formList", headers=OR, auth="draft token in the path")

    # ==================================================================
    def s06_submissions(self):
        r = self.r
        pid = self.project("Contract submissions")
        b1 = (FORMS / "returnee_baseline.v1.xml").read_text()
        self.publish(pid, b1, [("regions.csv", REGIONS)])
        f = f"/v1/projects/{pid}/forms/returnee_baseline"
        s = f + "/submissions"
        r.section("06_submissions", "Submissions over REST: create, edit, review, comment, delete")
        r.call("list, none yet", "GET", s)
        i1, i2, i3 = r.iid("s1"), r.iid("s2"), r.iid("s3")
        r.call("create", "POST", s, headers=XML, data=baseline(i1), expect=200)
        r.call("create again, same XML", "POST", s, headers=XML, data=baseline(i1), note="REST refuses what OpenRosa accepts as a retry.")
        r.call("create with deviceID", "POST", s, params={"deviceID": "tablet-7"}, headers=XML, data=baseline(i2, name="Katherine Johnson", photo="p.jpg"))
        self.rest_send(pid, "returnee_baseline", baseline(i3, name="Mary Jackson"))
        r.call("create for another form id", "POST", s, headers=XML, data=sub_xml("other", "1", r.iid("other")))
        r.call("create, broken XML", "POST", s, headers=XML, data="<data")
        r.call("create, unknown version", "POST", s, headers=XML, data=baseline(r.iid("v"), version="77"))
        r.call("list", "GET", s, note="Newest first.")
        r.call("list, paged", "GET", s, params={"limit": "1", "offset": "1"})
        r.call("list, extended", "GET", s, headers={"X-Extended-Metadata": "true"})
        r.call("get", "GET", f"{s}/{i1}")
        r.call("get with the colon escaped", "GET", f"{s}/{urllib.parse.quote(i1, safe='')}")
        r.call("get missing", "GET", f"{s}/uuid:nope")
        r.call("xml", "GET", f"{s}/{i1}.xml")
        r.call("submitters", "GET", f"{s}/submitters")
        # edits
        v2, v3 = r.iid("s1-edit-1"), r.iid("s1-edit-2")
        r.call("edit", "PUT", f"{s}/{i1}", headers=XML, data=baseline(v2, name="Ada King", deprecated=i1), expect=200)
        r.call("edit without deprecatedID", "PUT", f"{s}/{i1}", headers=XML, data=baseline(r.iid("e1")))
        r.call("edit on an outdated version", "PUT", f"{s}/{i1}", headers=XML, data=baseline(r.iid("e2"), deprecated=i1), note="409.9.")
        r.call("edit reusing its own instanceID", "PUT", f"{s}/{i1}", headers=XML, data=baseline(v2, deprecated=v2))
        r.call("edit reusing another submission's instanceID", "PUT", f"{s}/{i1}", headers=XML, data=baseline(i2, deprecated=v2))
        r.call("edit of a missing submission", "PUT", f"{s}/uuid:nope", headers=XML, data=baseline(r.iid("e3"), deprecated="uuid:nope"))
        r.call("second edit", "PUT", f"{s}/{i1}", headers=XML, data=baseline(v3, name="Ada Byron", deprecated=v2))
        r.call("get after edits", "GET", f"{s}/{i1}", note="instanceId stays; currentVersion.instanceId is the edit's; reviewState is edited.")
        r.call("get after edits, extended", "GET", f"{s}/{i1}", headers={"X-Extended-Metadata": "true"})
        r.call("xml after edits", "GET", f"{s}/{i1}.xml")
        r.call("get by the edit's instanceID", "GET", f"{s}/{v3}")
        r.call("versions", "GET", f"{s}/{i1}/versions")
        r.call("versions, extended", "GET", f"{s}/{i1}/versions", headers={"X-Extended-Metadata": "true"})
        r.call("xml of the first version", "GET", f"{s}/{i1}/versions/{i1}.xml")
        r.call("diffs", "GET", f"{s}/{i1}/diffs")
        # edit keeps attachments
        r.call("upload attachment over REST", "POST", f"{s}/{i2}/attachments/p.jpg", headers={"Content-Type": "image/jpeg"}, data=JPG)
        r.call("upload attachment the XML does not name", "POST", f"{s}/{i2}/attachments/q.jpg", headers={"Content-Type": "image/jpeg"}, data=JPG)
        self.quiet("PUT", f"{s}/{i2}", headers=XML, data=baseline(r.iid("s2-edit-1"), name="Katherine Goble", photo="p.jpg", deprecated=i2))
        r.call("attachments survive an edit that still names them", "GET", f"{s}/{i2}/attachments")
        # review
        for st in ("hasIssues", "approved", "rejected", "received", None):
            r.call(f"reviewState {st}", "PATCH", f"{s}/{i3}", json_={"reviewState": st})
        r.call("reviewState unknown", "PATCH", f"{s}/{i3}", json_={"reviewState": "checked"})
        r.call("patch something else", "PATCH", f"{s}/{i3}", json_={"deviceId": "other"})
        self.quiet("PATCH", f"{s}/{i3}", json_={"reviewState": "approved"})
        self.quiet("PUT", f"{s}/{i3}", headers=XML, data=baseline(r.iid("s3-edit-1"), name="Mary W. Jackson", deprecated=i3))
        r.call("an edit after approval sets reviewState back to edited", "GET", f"{s}/{i3}")
        before = self.quiet("GET", f"{s}/{i3}").json()["updatedAt"]
        r.call("comment", "POST", f"{s}/{i3}/comments", json_={"body": "Please check the region"})
        r.call("comment, empty", "POST", f"{s}/{i3}/comments", json_={})
        r.call("comments", "GET", f"{s}/{i3}/comments")
        r.observe("a comment does not change updatedAt", "", {"unchanged": before == self.quiet("GET", f"{s}/{i3}").json()["updatedAt"]})
        r.call("audits of a submission", "GET", f"{s}/{i3}/audits", headers={"X-Extended-Metadata": "true"})
        # delete
        r.call("delete", "DELETE", f"{s}/{i2}")
        r.call("get deleted", "GET", f"{s}/{i2}")
        r.call("list after delete", "GET", s)
        r.call("list deleted", "GET", s, params={"deleted": "true"}, note="updatedAt is not touched by a deletion; deletedAt is set.")
        aid, tok = self.app_user(pid, "Tablet C")
        self.quiet("POST", f + f"/assignments/2/{aid}")
        self.send("OpenRosa retry of a deleted submission", tok, pid, baseline(i2, name="Katherine Johnson", photo="p.jpg"), expect=409, note="409.18.")
        r.call("edit a deleted submission", "PUT", f"{s}/{i2}", headers=XML, data=baseline(r.iid("e9"), deprecated=r.iid("s2-edit-1")))
        r.call("restore", "POST", f"{s}/{i2}/restore")
        r.call("get restored", "GET", f"{s}/{i2}")
        # etag
        l = r.call("list, for its ETag", "GET", s)
        r.call("list, If-None-Match", "GET", s, headers={"If-None-Match": l.headers["ETag"]})
        self.quiet("PATCH", f"{s}/{i1}", json_={"reviewState": "approved"})
        r.call("list, If-None-Match after a review", "GET", s, headers={"If-None-Match": l.headers["ETag"]})

    # ==================================================================
    def s07_odata(self):
        r = self.r
        pid = self.project("Contract OData")
        b1 = (FORMS / "returnee_baseline.v1.xml").read_text()
        self.publish(pid, b1, [("regions.csv", REGIONS)])
        f = f"/v1/projects/{pid}/forms/returnee_baseline"
        o = f + ".svc"
        S = o + "/Submissions"
        r.section("07_odata", "OData: documents, paging, filters, subtables, nulls, conditional requests")
        r.call("no rows", "GET", S)
        r.call("no rows, counted", "GET", S, params={"$count": "true"})
        ids = {}
        rows = [("o1", dict(name="Row 1", members=(("A", 1, "f"), ("B", 2, "m")))),
                ("o2", dict(name="Row 2", members=())),
                ("o3", dict(name="Row 3 &amp; \u00e9", geo="34.5 69.2", needs="", income="")),
                ("o4", dict(name="Row 4", members=(("C", 3, "f"),), geo="")),
                ("o5", dict(name="Row 5", members=(("D", 4, "f"), ("E", 5, "m"), ("F", 6, "f"))))]
        for n, kw in rows:
            ids[n] = r.iid(n)
            j = self.rest_send(pid, "returnee_baseline", baseline(ids[n], **kw))
            r.name_value(j["createdAt"], f"<timestamp:submissionDate of {n}>")
            ids[n + "_at"] = j["createdAt"]
            self.pause(0.05)
        # a sparse submission: nodes absent altogether, odd values
        ids["o6"] = r.iid("o6")
        j = self.rest_send(pid, "returnee_baseline", sub_xml("returnee_baseline", "2026010101", ids["o6"],
                           "<consent>yes</consent><hh><head_name>Sparse</head_name></hh><income>not a number</income>"
                           "<member><member_age>12abc</member_age></member>"))
        r.name_value(j["createdAt"], "<timestamp:submissionDate of o6>")
        r.call("service document", "GET", o)
        r.call("metadata", "GET", o + "/$metadata")
        r.call("plain", "GET", S, note="Newest first. Rows: o6 sparse, o5, o4, o3, o2, o1.")
        r.call("count", "GET", S, params={"$count": "true", "$top": "2"})
        r.call("count only", "GET", S, params={"$count": "true", "$top": "0"})
        r.call("top 0 without count", "GET", S, params={"$top": "0"})
        r.call("skip and top", "GET", S, params={"$skip": "1", "$top": "2"})
        r.call("skip beyond the end", "GET", S, params={"$skip": "100", "$top": "2", "$count": "true"})
        res = r.call("skip to the end exactly", "GET", S, params={"$skip": "6", "$top": "2", "$select": "__id"}, note="An empty page still carries a nextLink, with a null cursor.")
        r.call("following the empty page's nextLink", "GET", "/v1/" + res.json()["@odata.nextLink"].split("/v1/", 1)[1])
        r.call("top that is not a number", "GET", S, params={"$top": "x"})
        r.call("negative top", "GET", S, params={"$top": "-1"})
        r.call("wkt", "GET", S, params={"$wkt": "true", "$top": "3"})
        r.call("expand", "GET", S, params={"$expand": "*"})
        r.call("expand one name", "GET", S, params={"$expand": "member"})
        # full walk by nextLink
        res = r.call("page 1 of the nextLink walk", "GET", S, params={"$top": "4", "$select": "__id,__system/submissionDate"})
        nxt = res.json().get("@odata.nextLink")
        r.domain = r.domain or nxt.split("/v1/")[0]
        n = 2
        while nxt:
            path = "/v1/" + nxt.split("/v1/", 1)[1]
            res = r.call(f"page {n} of the nextLink walk", "GET", path, note="The nextLink as given, on the recorder's base URL.")
            nxt = res.json().get("@odata.nextLink")
            n += 1
        res = r.call("page with exactly all rows", "GET", S, params={"$top": "6", "$select": "__id"}, note="No nextLink.")
        res = r.call("expand, paged", "GET", S, params={"$expand": "*", "$top": "1", "$count": "true"})
        tok = urllib.parse.parse_qs(urllib.parse.urlparse(res.json()["@odata.nextLink"]).query)["$skiptoken"][0]
        r.call("skiptoken beats skip", "GET", S, params={"$skip": "3", "$top": "1", "$select": "__id", "$skiptoken": tok})
        r.call("skiptoken that is garbage", "GET", S, params={"$skiptoken": "garbage"})
        r.call("skiptoken with orderby", "GET", S, params={"$skiptoken": tok, "$orderby": "__system/submissionDate asc"})
        unknown = "01" + base64.b64encode(json.dumps({"instanceId": "uuid:unknown"}).encode()).decode()
        r.call("skiptoken for an instance that does not exist", "GET", S, params={"$skiptoken": unknown, "$count": "true"}, note="200 and no rows: a purge mid-walk ends it silently.")
        # filters
        F = lambda name, expr, note=None, **kw: r.call(f"filter {name}", "GET", kw.pop("table", S), params={"$filter": expr, "$select": ODATA_SYS, "$count": "true", **kw}, note=note)
        t3 = ids["o3_at"]
        F("submissionDate gt", f"__system/submissionDate gt {t3}")
        F("submissionDate ge", f"__system/submissionDate ge {t3}")
        F("submissionDate lt", f"__system/submissionDate lt {t3}")
        F("submissionDate eq", f"__system/submissionDate eq {t3}")
        F("submissionDate between", f"__system/submissionDate ge {ids['o2_at']} and __system/submissionDate lt {ids['o4_at']}")
        F("with an offset instead of Z", "__system/submissionDate gt 2020-01-01T00:00:00.000+02:00")
        F("with a date only", "__system/submissionDate gt 2020-01-01")
        F("year()", "year(__system/submissionDate) lt 2020")
        F("now()", "__system/submissionDate le now()", **{"$top": "1"})
        self.quiet("PATCH", f"{f}/submissions/{ids['o1']}", json_={"reviewState": "approved"})
        u1 = self.quiet("GET", f"{f}/submissions/{ids['o1']}").json()["updatedAt"]
        self.pause(0.05)
        r.name_value(u1, "<timestamp:updatedAt of o1>")
        self.quiet("PUT", f"{f}/submissions/{ids['o2']}", headers=XML, data=baseline(r.iid("o2-edit"), name="Row 2 edited", members=(("Z", 9, "m"),), deprecated=ids["o2"]))
        F("updatedAt gt", f"__system/updatedAt gt {u1}")
        F("updatedAt ge", f"__system/updatedAt ge {u1}", note="Rows never edited have updatedAt null and never match.")
        F("updatedAt eq null", "__system/updatedAt eq null")
        F("either date", f"__system/submissionDate ge {ids['o5_at']} or __system/updatedAt ge {u1}", note="The filter a sync needs.")
        F("reviewState eq", "__system/reviewState eq 'approved'")
        F("reviewState eq null", "__system/reviewState eq null")
        F("reviewState ne", "__system/reviewState ne 'approved'", note="null counts as not equal.")
        F("not", "not (__system/reviewState eq 'approved')")
        F("or", "__system/reviewState eq 'approved' or __system/reviewState eq 'edited'")
        F("submitterId eq", "__system/submitterId eq 99999999")
        F("a form field", "hh/region eq 'north'", note="501.5: only __system fields can be filtered.")
        F("__id", f"__id eq '{ids['o1']}'")
        F("deviceId", "__system/deviceId eq 'x'")
        F("syntax error", "__system/submissionDate gt gt")
        F("a word the database takes for a date", "__system/submissionDate gt 'yesterday'")
        F("bad date", "__system/submissionDate gt 'soonish'")
        F("parse error", "__system/submissionDate gt")
        r.call("filter on a name without the group", "GET", S, params={"$filter": "submissionDate gt 2020-01-01"})
        # select / orderby
        r.call("select", "GET", S, params={"$select": "__id,hh/head_name,income", "$top": "2"})
        r.call("select a group", "GET", S, params={"$select": "hh", "$top": "1"})
        r.call("select a field that does not exist", "GET", S, params={"$select": "nope"})
        r.call("select a repeat", "GET", S, params={"$select": "member"})
        r.call("select with expand", "GET", S, params={"$select": "__id", "$expand": "*"})
        r.call("orderby submissionDate asc", "GET", S, params={"$orderby": "__system/submissionDate asc", "$select": "__id,__system/submissionDate"})
        r.call("orderby updatedAt desc", "GET", S, params={"$orderby": "__system/updatedAt desc", "$select": "__id,__system/updatedAt"}, note="Nulls last when descending.")
        r.call("orderby updatedAt asc", "GET", S, params={"$orderby": "__system/updatedAt asc", "$select": "__id,__system/updatedAt"}, note="Nulls first when ascending.")
        res = r.call("orderby with top", "GET", S, params={"$orderby": "__system/submissionDate asc", "$top": "2", "$select": "__id"}, note="The nextLink it offers:")
        r.call("following that nextLink", "GET", "/v1/" + res.json()["@odata.nextLink"].split("/v1/", 1)[1], note="501.1: orderby and skiptoken do not go together, so ascending walks need $skip.") if res.json().get("@odata.nextLink") else None
        r.call("orderby a form field", "GET", S, params={"$orderby": "income asc"})
        r.call("unsupported option", "GET", S, params={"$apply": "x"})
        r.call("option that is not OData's", "GET", S, params={"foo": "x"})
        r.call("$format xml", "GET", S, params={"$format": "xml"})
        r.call("Accept xml", "GET", S, headers={"Accept": "application/xml"})
        r.call("metadata as json", "GET", o + "/$metadata", params={"$format": "json"})
        # single
        r.call("one row", "GET", f"{S}('{ids['o1']}')")
        r.call("one row, missing", "GET", f"{S}('uuid:nope')")
        r.call("one row's repeats", "GET", f"{S}('{ids['o1']}')/member")
        # subtables
        M = o + "/Submissions.member"
        r.call("subtable", "GET", M)
        r.call("subtable, counted and paged", "GET", M, params={"$top": "2", "$count": "true"})
        res = r.call("subtable, page 1 of a walk", "GET", M, params={"$top": "3"})
        nxt = res.json().get("@odata.nextLink")
        if nxt:
            r.call("subtable, page 2 of a walk", "GET", "/v1/" + nxt.split("/v1/", 1)[1])
        r.call("subtable filtered by parent date", "GET", M, params={"$filter": f"$root/Submissions/__system/submissionDate gt {ids['o4_at']}"})
        r.call("subtable filtered with the submissions name", "GET", M, params={"$filter": f"__system/submissionDate gt {ids['o4_at']}"})
        r.call("subtable, unknown repeat in skiptoken", "GET", M, params={"$skiptoken": "01" + base64.b64encode(b'{"repeatId":"nope"}').decode()})
        r.call("unknown table", "GET", o + "/Nope")
        r.call("unknown subtable", "GET", o + "/Submissions.nope")
        r.call("group as a table", "GET", o + "/Submissions.hh")
        iid = ids["o5"]
        r.observe("repeat __id derivation", "sha1 of 'Submissions#' + instanceId + '%%member#' + zero-based index", {
            "matches": [hashlib.sha1(f"Submissions#{iid}%%member#{k}".encode()).hexdigest() for k in range(3)]
            == [m["__id"] for m in self.quiet("GET", M, params={"$filter": f"$root/Submissions/__system/submissionDate eq {ids['o5_at']}"}).json()["value"]]})
        # conditional
        res = r.call("ETag", "GET", S, params={"$select": "__id"})
        et = res.headers["ETag"]
        r.call("If-None-Match", "GET", S, params={"$select": "__id"}, headers={"If-None-Match": et})
        res2 = r.call("ETag of a filtered selection", "GET", S, params={"$select": "__id", "$filter": f"__system/submissionDate lt {t3}"})
        self.quiet("POST", f"{f}/submissions/{ids['o5']}/comments", json_={"body": "x"})
        r.call("If-None-Match after a comment", "GET", S, params={"$select": "__id"}, headers={"If-None-Match": et})
        self.quiet("PATCH", f"{f}/submissions/{ids['o5']}", json_={"reviewState": "hasIssues"})
        r.call("If-None-Match after a review of o5", "GET", S, params={"$select": "__id"}, headers={"If-None-Match": et})
        self.rest_send(pid, "returnee_baseline", baseline(r.iid("o0"), name="Row 0", photo="late.jpg"))
        et = self.quiet("GET", S, params={"$select": "__id"}).headers["ETag"]
        self.quiet("POST", f"{f}/submissions/{r.iid('o0')}/attachments/late.jpg", headers={"Content-Type": "image/jpeg"}, data=JPG)
        r.call("If-None-Match after a photo arrived", "GET", S, params={"$select": "__id,__system/attachmentsPresent", "$top": "1"}, headers={"If-None-Match": et},
               note="(another selection, so another ETag)")
        r.call("If-None-Match after a photo arrived, same selection", "GET", S, params={"$select": "__id"}, headers={"If-None-Match": et},
               note="304: attachmentsPresent moved, the ETag did not.")
        self.quiet("DELETE", f"{f}/submissions/{r.iid('o0')}")
        r.call("filtered If-None-Match after a review outside the selection", "GET", S, params={"$select": "__id", "$filter": f"__system/submissionDate lt {t3}"}, headers={"If-None-Match": res2.headers["ETag"]})
        # deletion
        et = self.quiet("GET", S, params={"$select": "__id"}).headers["ETag"]
        self.quiet("DELETE", f"{f}/submissions/{ids['o4']}")
        r.call("If-None-Match after a deletion", "GET", S, params={"$select": "__id"}, headers={"If-None-Match": et})
        r.call("deleted rows", "GET", S, params={"$filter": "__system/deletedAt ne null"})
        r.call("deleted since", "GET", S, params={"$filter": "__system/deletedAt gt 2020-01-01T00:00:00.000Z", "$select": "__id,__system/deletedAt,__system/updatedAt"})
        F("either date, does not show deletions", f"__system/submissionDate ge {ids['o4_at']} or __system/updatedAt ge {ids['o4_at']}")
        F("everything that moved, deletions included", f"__system/submissionDate ge {ids['o4_at']} or __system/updatedAt ge {ids['o4_at']} or __system/deletedAt ge {ids['o4_at']}",
          note="Mentioning deletedAt lifts the default exclusion of deleted rows.")
        self.quiet("POST", f"{f}/submissions/{ids['o4']}/restore")
        r.call("after restore", "GET", S, params={"$filter": f"__system/submissionDate eq {ids['o4_at']}", "$select": "__id,__system"}, note="updatedAt stays null: a restore is invisible to date filters.")
        # paging under change
        p1 = self.quiet("GET", S, params={"$top": "2", "$skip": "0", "$select": "__id"}).json()
        st = urllib.parse.parse_qs(urllib.parse.urlparse(p1["@odata.nextLink"]).query)["$skiptoken"][0]
        ids["o7"] = r.iid("o7")
        self.rest_send(pid, "returnee_baseline", baseline(ids["o7"], name="Row 7"))
        p2 = self.quiet("GET", S, params={"$top": "2", "$skip": "2", "$select": "__id"}).json()
        p2t = self.quiet("GET", S, params={"$top": "2", "$skiptoken": st, "$select": "__id"}).json()
        r.observe("a new row between two pages", "Newest first: with $skip the last row of page 1 comes again; with $skiptoken it does not.", {
            "page 1": p1["value"], "page 2 by $skip": p2["value"], "page 2 by $skiptoken": p2t["value"]})
        p1 = self.quiet("GET", S, params={"$top": "2", "$skip": "0", "$select": "__id"}).json()
        st = urllib.parse.parse_qs(urllib.parse.urlparse(p1["@odata.nextLink"]).query)["$skiptoken"][0]
        self.quiet("DELETE", f"{f}/submissions/{ids['o7']}")
        p2 = self.quiet("GET", S, params={"$top": "2", "$skip": "2", "$select": "__id"}).json()
        p2t = self.quiet("GET", S, params={"$top": "2", "$skiptoken": st, "$select": "__id"}).json()
        r.observe("a deletion between two pages", "With $skip one row is never seen; with $skiptoken none is lost.", {
            "page 1": p1["value"], "page 2 by $skip": p2["value"], "page 2 by $skiptoken": p2t["value"]})
        # drafts and nested repeats
        self.quiet("POST", f + "/draft")
        r.call("draft OData", "GET", f + "/draft.svc/Submissions")
        nested = xform("nested", "1", [("a", "string"), ("repeat", "trip", [("to", "string"), ("repeat", "job", [("title", "string"), ("group", "pay", [("amount", "decimal")])])])])
        self.publish(pid, nested)
        self.rest_send(pid, "nested", sub_xml("nested", "1", r.iid("n1"),
                       "<a>x</a><trip><to>Kabul</to><job><title>t1</title><pay><amount>1.50</amount></pay></job><job><title>t2</title></job></trip><trip><to>Herat</to></trip>"))
        N = f"/v1/projects/{pid}/forms/nested.svc"
        r.call("nested: service document", "GET", N)
        r.call("nested: metadata", "GET", N + "/$metadata")
        r.call("nested: expand", "GET", N + "/Submissions", params={"$expand": "*"})
        r.call("nested: outer table", "GET", N + "/Submissions.trip")
        r.call("nested: inner table", "GET", N + "/Submissions.trip.job")
        # types
        types = xform("types", "1", [("i", "int"), ("d", "decimal"), ("dt", "date"), ("tm", "time"), ("ts", "dateTime"), ("b", "boolean"), ("sel", "select"),
                                     ("gp", "geopoint"), ("gt", "geotrace"), ("gs", "geoshape"), ("bar", "barcode"), ("s", "string")])
        self.publish(pid, types)
        for k, inner in enumerate(["<i>5</i><d>1.10</d><dt>2026-01-02</dt><tm>10:11:12.000+02:00</tm><ts>2026-01-02T03:04:05.000+02:00</ts><b>true</b><sel>a b</sel>"
                                   "<gp>1.5 2.5 3 4</gp><gt>1 2 0 0; 3 4 0 0</gt><gs>1 2 0 0; 3 4 0 0; 5 6 0 0; 1 2 0 0</gs><bar>007</bar><s> spaced  text\n</s>",
                                   "<i/><d/><dt/><tm/><ts/><b/><sel/><gp/><gt/><gs/><bar/><s/>",
                                   "",
                                   "<i>abc</i><d>1e3</d><dt>02/01/2026</dt><ts>yesterday</ts><b>maybe</b><gp>x y</gp><gt>1 2</gt><gs>;</gs>",
                                   "<i>12345678901234567890</i><d>0.1</d><s>&lt;b&gt; \u0628\u0631\u06af\u0634\u062a</s>"]):
            self.rest_send(pid, "types", sub_xml("types", "1", r.iid(f"t{k + 1}"), inner))
        T = f"/v1/projects/{pid}/forms/types.svc"
        r.call("types: metadata", "GET", T + "/$metadata")
        r.call("types: rows", "GET", T + "/Submissions", note="Newest first: t5 big numbers, t4 wrong values, t3 absent nodes, t2 empty nodes, t1 right values.")
        r.call("types: rows, wkt", "GET", T + "/Submissions", params={"$wkt": "true", "$select": "__id,gp,gt,gs"})

    # ==================================================================
    def s09_entities(self):
        r = self.r
        pid = self.project("Contract entities")
        base = f"/v1/projects/{pid}/datasets"
        d = base + "/households"
        E = d + "/entities"
        r.section("09_entities", "Entity lists and entities over REST, OData and CSV")
        r.call("lists, none yet", "GET", base)
        r.call("create list", "POST", base, json_={"name": "households"}, expect=200)
        r.call("create list again", "POST", base, json_={"name": "households"})
        r.call("create list, other case", "POST", base, json_={"name": "Households"})
        r.call("create list, bad name", "POST", base, json_={"name": "bad name"})
        r.call("create list, no name", "POST", base, json_={})
        r.call("create list with approval", "POST", base, json_={"name": "approved_only", "approvalRequired": True})
        r.call("lists", "GET", base)
        r.call("lists, extended", "GET", base, headers={"X-Extended-Metadata": "true"})
        for p in ("region", "phone"):
            r.call(f"add property {p}", "POST", d + "/properties", json_={"name": p})
        r.call("add property again", "POST", d + "/properties", json_={"name": "region"})
        r.call("add property, other case", "POST", d + "/properties", json_={"name": "Region"})
        r.call("add property, reserved", "POST", d + "/properties", json_={"name": "label"})
        r.call("add property, bad", "POST", d + "/properties", json_={"name": "a b"})
        r.call("get list", "GET", d)
        r.call("get list, extended", "GET", d, headers={"X-Extended-Metadata": "true"})
        e1, e2, e3 = (r.uuid4(f"entity-{k}") for k in (1, 2, 3))
        r.call("create entity", "POST", E, json_={"uuid": e1, "label": "House 1", "data": {"region": "north", "phone": "1"}}, expect=200)
        r.call("create entity, no uuid", "POST", E, json_={"label": "House auto", "data": {}})
        r.call("create entity, uuid: prefix and capitals", "POST", E, json_={"uuid": "uuid:" + e2.upper(), "label": "House 2"})
        r.call("create entity, same uuid", "POST", E, json_={"uuid": e1, "label": "House 1 again"}, note="409.3.")
        r.call("create entity, no label", "POST", E, json_={"uuid": e3, "data": {"region": "x"}})
        r.call("create entity, blank label", "POST", E, json_={"uuid": e3, "label": " "})
        r.call("create entity, unknown property", "POST", E, json_={"uuid": e3, "label": "x", "data": {"colour": "red"}})
        r.call("create entity, number value", "POST", E, json_={"uuid": e3, "label": "x", "data": {"region": 5}})
        r.call("create entity, null value", "POST", E, json_={"uuid": e3, "label": "x", "data": {"region": None}})
        r.call("create entity, not a v4 uuid", "POST", E, json_={"uuid": "12345678-1234-1234-1234-123456789012", "label": "x"})
        r.call("create entity, unknown key", "POST", E, json_={"uuid": e3, "label": "x", "properties": {}})
        r.call("create entity in a missing list", "POST", base + "/nope/entities", json_={"label": "x"})
        r.call("get", "GET", f"{E}/{e1}")
        r.call("get, extended", "GET", f"{E}/{e1}", headers={"X-Extended-Metadata": "true"})
        r.call("get missing", "GET", f"{E}/{r.uuid4('missing')}")
        r.call("list", "GET", E)
        r.call("list, extended", "GET", E, headers={"X-Extended-Metadata": "true"})
        # bulk
        b = [r.uuid4(f"bulk-{k}") for k in range(1, 5)]
        r.call("bulk create", "POST", E, json_={"source": {"name": "wave1.csv", "size": 120}, "entities": [
            {"uuid": b[0], "label": "Bulk 1", "data": {"region": "north"}}, {"uuid": b[1], "label": "Bulk 2", "data": {"region": "south"}}]}, expect=200)
        r.call("bulk create, no source", "POST", E, json_={"entities": [{"label": "x"}]})
        r.call("bulk create, empty", "POST", E, json_={"source": {"name": "x"}, "entities": []})
        r.call("bulk create, not a list", "POST", E, json_={"source": {"name": "x"}, "entities": {}})
        r.call("bulk create, size as text", "POST", E, json_={"source": {"name": "x", "size": "12"}, "entities": [{"label": "x"}]}, note="pyodk types source_size as str; the server wants a number.")
        r.call("bulk create, one bad row", "POST", E, json_={"source": {"name": "x"}, "entities": [{"uuid": b[2], "label": "ok"}, {"uuid": b[3], "label": "bad", "data": {"nope": "1"}}]}, note="All or nothing.")
        r.call("the good row of the refused batch", "GET", f"{E}/{b[2]}")
        r.call("bulk create, one uuid taken", "POST", E, json_={"source": {"name": "x"}, "entities": [{"uuid": b[2], "label": "ok"}, {"uuid": b[0], "label": "dup"}]})
        r.call("bulk create, same uuid twice", "POST", E, json_={"source": {"name": "x"}, "entities": [{"uuid": b[2], "label": "one"}, {"uuid": b[2], "label": "two"}]})
        # update
        r.call("update with baseVersion", "PATCH", f"{E}/{e1}", params={"baseVersion": "1"}, json_={"data": {"phone": "2"}}, expect=200)
        r.call("update with a stale baseVersion", "PATCH", f"{E}/{e1}", params={"baseVersion": "1"}, json_={"data": {"phone": "3"}}, note="409.15.")
        r.call("update with no baseVersion", "PATCH", f"{E}/{e1}", json_={"data": {"phone": "3"}})
        r.call("update by force", "PATCH", f"{E}/{e1}", params={"force": "true"}, json_={"label": "House 1 (north)", "data": {"phone": "4"}})
        r.call("update with force and a stale baseVersion", "PATCH", f"{E}/{e1}", params={"force": "true", "baseVersion": "1"}, json_={"data": {"phone": "5"}})
        r.call("update that changes nothing", "PATCH", f"{E}/{e1}", params={"baseVersion": "4"}, json_={"data": {"phone": "5"}}, note="Still a new version.")
        r.call("update with nothing in it", "PATCH", f"{E}/{e1}", params={"baseVersion": "5"}, json_={})
        r.call("update an unknown property", "PATCH", f"{E}/{e1}", params={"force": "true"}, json_={"data": {"nope": "5"}})
        r.call("update a missing entity", "PATCH", f"{E}/{r.uuid4('missing')}", params={"force": "true"}, json_={"data": {"phone": "5"}})
        r.call("update to an empty text", "PATCH", f"{E}/{e1}", params={"force": "true"}, json_={"data": {"phone": ""}})
        r.call("resolve without a conflict", "PATCH", f"{E}/{e1}", params={"resolve": "true", "baseVersion": "6"}, json_={})
        r.call("versions", "GET", f"{E}/{e1}/versions")
        r.call("versions, extended", "GET", f"{E}/{e1}/versions", headers={"X-Extended-Metadata": "true"})
        r.call("diffs", "GET", f"{E}/{e1}/diffs")
        r.call("audits of an entity", "GET", f"{E}/{e1}/audits", headers={"X-Extended-Metadata": "true"})
        # odata
        O = d + ".svc"
        r.call("OData service document", "GET", O)
        r.call("OData metadata", "GET", O + "/$metadata")
        r.call("OData entities", "GET", O + "/Entities")
        r.call("OData entities, select label", "GET", O + "/Entities", params={"$select": "__id,label"}, note="label cannot be selected.")
        r.call("OData entities, select a property", "GET", O + "/Entities", params={"$select": "__id,region", "$top": "1"})
        res = r.call("OData entities, page 1", "GET", O + "/Entities", params={"$top": "2", "$count": "true", "$select": "__id"})
        nxt = res.json().get("@odata.nextLink")
        n = 2
        while nxt:
            r.domain = r.domain or nxt.split("/v1/")[0]
            res = r.call(f"OData entities, page {n}", "GET", "/v1/" + nxt.split("/v1/", 1)[1])
            nxt = res.json().get("@odata.nextLink")
            n += 1
        u = self.quiet("GET", f"{E}/{e1}").json()["updatedAt"]
        r.name_value(u, "<timestamp:updatedAt of entity-1>")
        r.call("OData entities, filter updatedAt", "GET", O + "/Entities", params={"$filter": f"__system/updatedAt ge {u}"})
        r.call("OData entities, filter createdAt", "GET", O + "/Entities", params={"$filter": "__system/createdAt lt 2020-01-01T00:00:00.000Z"})
        r.call("OData entities, filter __id", "GET", O + "/Entities", params={"$filter": f"__id eq '{e1}'"})
        r.call("OData entities, filter a property", "GET", O + "/Entities", params={"$filter": "region eq 'north'"})
        r.call("OData entities, search", "GET", O + "/Entities", params={"$search": "Bulk"})
        r.call("OData entities, orderby", "GET", O + "/Entities", params={"$orderby": "__system/createdAt asc", "$select": "__id,__system/createdAt"})
        r.call("OData entities, skip", "GET", O + "/Entities", params={"$skip": "3", "$top": "1", "$select": "__id"})
        res = r.call("entities.csv", "GET", d + "/entities.csv")
        r.call("entities.csv, If-None-Match", "GET", d + "/entities.csv", headers={"If-None-Match": res.headers["ETag"]})
        r.call("entities.csv, filtered", "GET", d + "/entities.csv", params={"$filter": f"__id eq '{e1}'"})
        # delete
        r.call("delete", "DELETE", f"{E}/{e2}")
        r.call("delete again", "DELETE", f"{E}/{e2}")
        r.call("get deleted", "GET", f"{E}/{e2}")
        r.call("update deleted", "PATCH", f"{E}/{e2}", params={"force": "true"}, json_={"label": "x"})
        r.call("create with a deleted entity's uuid", "POST", E, json_={"uuid": e2, "label": "House 2 again"}, note="409.19.")
        r.call("list deleted", "GET", E, params={"deleted": "true"})
        r.call("OData deleted", "GET", O + "/Entities", params={"$filter": "__system/deletedAt ne null"})
        r.call("restore", "POST", f"{E}/{e2}/restore")
        r.call("get restored", "GET", f"{E}/{e2}", note="Unlike a submission, an entity's restore sets updatedAt.")
        r.call("bulk delete", "POST", E + "/bulk-delete", json_={"ids": [b[0], b[1], r.uuid4("missing")]})
        r.call("bulk restore", "POST", E + "/bulk-restore", json_={"ids": [b[0]]})
        r.call("integrity as a web user", "GET", d + "/integrity", headers=OR, params={"id": e1}, note="Without id it lists every entity, in no order.")
        # uuid is unique on the whole server
        self.quiet("POST", base, json_={"name": "persons"})
        r.call("same uuid in another list", "POST", base + "/persons/entities", json_={"uuid": e1, "label": "Person"}, note="UUIDs are unique across lists and projects.")
        # limits
        big = {"source": {"name": "big.csv"}, "entities": [{"label": f"House {k}", "data": {"region": "x" * 200}} for k in range(2000)]}
        r.call("bulk create of 2000 entities, 0.5 MB", "POST", E, json_=big, body_note="source plus 2000 entities, about 0.5 MB of JSON", expect=200)
        huge = json.dumps({"source": {"name": "huge.csv"}, "entities": [{"label": "x", "data": {"region": "y" * (101 * 1024 * 1024)}}]})
        r.call("bulk create over 100 MB", "POST", E, headers={"Content-Type": "application/json"}, data=huge, body_note="101 MiB of JSON")
        r.call("update over 250 kB", "PATCH", f"{E}/{e1}", params={"force": "true"}, headers={"Content-Type": "application/json"},
               data=json.dumps({"data": {"phone": "9" * 300_000}}), body_note="300 kB of JSON")
        # list deletion
        r.call("remove a property that has values", "DELETE", d + "/properties/region", keep=lambda j: {**j, "details": "<details left out>"})
        r.call("delete list", "DELETE", base + "/persons")
        r.call("get deleted list", "GET", base + "/persons")
        r.call("set approvalRequired", "PATCH", base + "/approved_only", json_={"approvalRequired": False})

    # ==================================================================
    def s10_panel(self):
        r = self.r
        pid = self.project("Contract panel")
        b1 = (FORMS / "returnee_baseline.v1.xml").read_text()
        fu = (FORMS / "returnee_followup.v1.xml").read_text()
        self.publish(pid, b1, [("regions.csv", REGIONS)])
        d = f"/v1/projects/{pid}/datasets/households"
        E = d + "/entities"
        r.section("10_panel", "A panel: baseline submissions make entities, follow-up submissions update them")
        r.call("publishing the baseline made the list", "GET", d, headers={"X-Extended-Metadata": "true"})
        self.publish(pid, fu)
        r.call("publishing the follow-up added properties and a link", "GET", d)
        r.call("dataset diff", "GET", f"/v1/projects/{pid}/forms/returnee_followup/dataset-diff")
        r.call("follow-up attachments", "GET", f"/v1/projects/{pid}/forms/returnee_followup/attachments")
        aid, tok = self.app_user(pid, "Tablet D")
        for fid in ("returnee_baseline", "returnee_followup"):
            self.quiet("POST", f"/v1/projects/{pid}/forms/{fid}/assignments/2/{aid}")
        e = {k: r.uuid4(f"household-{k}") for k in ("A", "B", "C", "D", "E")}
        for k in e:
            self.send(f"baseline {k}", tok, pid, baseline(r.iid(f"base-{k}"), name=f"Household {k}", entity_id=e[k], phone="0"), record=(k == "A"))
        for k in e:
            self.wait_entity(pid, "households", e[k])
        r.call("entity made by a submission", "GET", f"{E}/{e['A']}", note="Made by a background worker after the 201: seconds later, up to about half a minute on an idle server.")
        r.call("its versions", "GET", f"{E}/{e['A']}/versions", headers={"X-Extended-Metadata": "true"})
        r.call("its audits", "GET", f"{E}/{e['A']}/audits", headers={"X-Extended-Metadata": "true"})
        r.call("audits of the submission", "GET", f"/v1/projects/{pid}/forms/returnee_baseline/submissions/{r.iid('base-A')}/audits")
        # plain update
        self.send("follow-up of A on version 1", tok, pid, followup(r.iid("fu-A1"), e["A"], 1, phone="111", moves=(("Kabul", "2026-02-01"), ("Herat", "2026-03-01"))))
        self.wait_entity(pid, "households", e["A"], 2)
        r.call("A after the follow-up", "GET", f"{E}/{e['A']}")
        # soft conflict: disjoint properties
        self.send("B: employment on version 1", tok, pid, followup(r.iid("fu-B1"), e["B"], 1, still=None, employment="employed"), record=False)
        self.wait_entity(pid, "households", e["B"], 2)
        self.send("B: phone, also on version 1", tok, pid, followup(r.iid("fu-B2"), e["B"], 1, still=None, employment=None, phone="222"), note="Two tablets, same base version, different properties.")
        self.wait_entity(pid, "households", e["B"], 3)
        r.call("B: soft conflict", "GET", f"{E}/{e['B']}", note="Both changes are in; conflict is soft.")
        r.call("B: versions", "GET", f"{E}/{e['B']}/versions")
        # hard conflict
        self.send("C: phone 301 on version 1", tok, pid, followup(r.iid("fu-C1"), e["C"], 1, still=None, employment=None, phone="301"), record=False)
        self.wait_entity(pid, "households", e["C"], 2)
        self.send("C: phone 302, also on version 1", tok, pid, followup(r.iid("fu-C2"), e["C"], 1, still=None, employment=None, phone="302"), note="Same property twice.")
        self.wait_entity(pid, "households", e["C"], 3)
        r.call("C: hard conflict", "GET", f"{E}/{e['C']}", note="The later arrival wins; conflict is hard.")
        r.call("C: versions", "GET", f"{E}/{e['C']}/versions")
        r.call("C: versions relevant to the conflict", "GET", f"{E}/{e['C']}/versions", params={"relevantToConflict": "true"})
        r.call("C in OData", "GET", d + ".svc/Entities", params={"$filter": "__system/conflict eq 'hard'"})
        r.call("C: resolve with a correction", "PATCH", f"{E}/{e['C']}", params={"resolve": "true", "baseVersion": "3"}, json_={"data": {"phone": "303"}})
        r.call("B: resolve without a change", "PATCH", f"{E}/{e['B']}", params={"resolve": "true", "baseVersion": "3"}, json_={})
        # empty values in an update
        self.send("D: empty phone", tok, pid, followup(r.iid("fu-D1"), e["D"], 1, still=None, employment=None, phone=""), record=False)
        self.wait_entity(pid, "households", e["D"], 2)
        r.call("D: an empty node blanks the property", "GET", f"{E}/{e['D']}")
        # errors
        for name, xml in [("unknown entity", followup(r.iid("fu-x1"), r.uuid4("nobody"), 1)),
                          ("unknown base version", followup(r.iid("fu-x2"), e["A"], 99)),
                          ("no base version", followup(r.iid("fu-x3"), e["A"], "")),
                          ("entity id that is not a uuid", followup(r.iid("fu-x4"), "house-7", 1)),
                          ("no entity element", re.sub("<entity[^>]*/>", "", followup(r.iid("fu-x5"), e["A"], 2))),
                          ("second create of the same entity", None)]:
            fid = "returnee_followup"
            if xml is None:
                fid, iid = "returnee_baseline", r.iid("base-A-again")
                xml = baseline(iid, name="Household A again", entity_id=e["A"])
            else:
                iid = xml.split("<instanceID>")[1].split("<")[0]
            self.send(f"submission with {name}", tok, pid, xml, note="The submission is accepted; the entity step fails on its own.")
            self.wait_processed(pid, fid, iid)
            r.call(f"audits after {name}", "GET", f"/v1/projects/{pid}/forms/{fid}/submissions/{iid}/audits")
        # edits and deletions of submissions
        self.quiet("PUT", f"/v1/projects/{pid}/forms/returnee_baseline/submissions/{r.iid('base-E')}", headers=XML,
                   data=baseline(r.iid("base-E-edit"), name="Household E renamed", entity_id=e["E"], phone="9", deprecated=r.iid("base-E")))
        self.pause(2)
        r.call("E: editing the baseline submission", "GET", f"{E}/{e['E']}", note="An edit of the submission that made an entity does not change the entity.")
        self.quiet("DELETE", f"/v1/projects/{pid}/forms/returnee_baseline/submissions/{r.iid('base-E')}")
        r.call("E: deleting the baseline submission", "GET", f"{E}/{e['E']}", note="The entity stays.")
        self.quiet("DELETE", f"{E}/{e['E']}")
        self.send("follow-up of a deleted entity", tok, pid, followup(r.iid("fu-E1"), e["E"], 1))
        self.wait_processed(pid, "returnee_followup", r.iid("fu-E1"))
        r.call("audits after a follow-up of a deleted entity", "GET", f"/v1/projects/{pid}/forms/returnee_followup/submissions/{r.iid('fu-E1')}/audits")
        # approval
        ap = (FORMS / "returnee_baseline.v1.xml").read_text().replace('id="returnee_baseline"', 'id="approval_form"').replace('dataset="households"', 'dataset="vetted"')
        self.quiet("POST", f"/v1/projects/{pid}/datasets", json_={"name": "vetted", "approvalRequired": True})
        self.publish(pid, ap)
        ev = r.uuid4("vetted-1")
        self.rest_send(pid, "approval_form", baseline(r.iid("vet-1"), entity_id=ev, form_id="approval_form").replace('dataset="households"', 'dataset="vetted"'))
        r.wait("worker", lambda: True)
        self.pause(8)
        r.call("approval required: not made on arrival", "GET", f"/v1/projects/{pid}/datasets/vetted/entities/{ev}")
        self.quiet("PATCH", f"/v1/projects/{pid}/forms/approval_form/submissions/{r.iid('vet-1')}", json_={"reviewState": "approved"})
        self.wait_entity(pid, "vetted", ev)
        r.call("approval required: made after approval", "GET", f"/v1/projects/{pid}/datasets/vetted/entities/{ev}")
        r.call("OData of the follow-up form", "GET", f"/v1/projects/{pid}/forms/returnee_followup.svc/Submissions", params={"$expand": "*", "$orderby": "__system/submissionDate asc", "$top": "1"},
               note="meta/entity shows as a string column.")
        r.call("metadata of the follow-up form", "GET", f"/v1/projects/{pid}/forms/returnee_followup.svc/$metadata")
        r.call("REST list of entities", "GET", E, keep=lambda j: sorted(j, key=lambda x: x["currentVersion"]["label"]),
               note="Newest first, but several workers make entities at once, so createdAt does not follow the order of the submissions; the record sorts by label.")

    # ==================================================================
    def s11_offline(self):
        r = self.r
        pid = self.project("Contract offline entities")
        b1 = (FORMS / "returnee_baseline.v1.xml").read_text()
        fu = (FORMS / "returnee_followup.v1.xml").read_text()
        self.publish(pid, b1, [("regions.csv", REGIONS)])
        self.publish(pid, fu)
        E = f"/v1/projects/{pid}/datasets/households/entities"
        F = f"/v1/projects/{pid}/forms/returnee_followup/submissions"
        r.section("11_offline", "Offline entities: branches, order of arrival, the backlog")
        send = lambda n, xml: self.quiet("POST", F, headers=XML, data=xml)
        mk = lambda k: self.rest_send(pid, "returnee_baseline", baseline(r.iid(f"off-{k}"), name=f"Household {k}", entity_id=ids[k], phone="0"))
        ids = {k: r.uuid4(f"offline-{k}") for k in ("P", "Q", "R", "S")}
        for k in ("P", "Q", "R"):
            mk(k)
        for k in ("P", "Q", "R"):
            self.wait_entity(pid, "households", ids[k])
        # in order: base 1 -> 2 -> 3 on one branch
        br = r.uuid4("branch-P")
        send("P1", followup(r.iid("P1"), ids["P"], 1, phone="p1", trunk=1, branch=br))
        self.wait_entity(pid, "households", ids["P"], 2)
        send("P2", followup(r.iid("P2"), ids["P"], 2, phone="p2", trunk=1, branch=br))
        self.wait_entity(pid, "households", ids["P"], 3)
        r.call("branch sent in order", "GET", f"{E}/{ids['P']}/versions", note="No conflict. baseVersion counts within the branch.")
        # out of order: second update first
        br = r.uuid4("branch-Q")
        send("Q2", followup(r.iid("Q2"), ids["Q"], 2, phone="q2", trunk=1, branch=br))
        self.wait_processed(pid, "returnee_followup", r.iid("Q2"))
        r.call("second update arrived first: held", "GET", f"{F}/{r.iid('Q2')}/audits", note="In the backlog; the entity stays at version 1.")
        r.call("entity while its update is held", "GET", f"{E}/{ids['Q']}")
        send("Q1", followup(r.iid("Q1"), ids["Q"], 1, phone="q1", trunk=1, branch=br))
        self.wait_entity(pid, "households", ids["Q"], 3)
        r.call("both applied after the first arrived", "GET", f"{E}/{ids['Q']}/versions")
        r.call("audits of the held submission", "GET", f"{F}/{r.iid('Q2')}/audits")
        # interrupted branch
        br = r.uuid4("branch-R")
        self.quiet("PATCH", f"{E}/{ids['R']}", params={"baseVersion": "1"}, json_={"data": {"region": "south"}})
        send("R1", followup(r.iid("R1"), ids["R"], 1, phone="r1", trunk=1, branch=br))
        self.wait_entity(pid, "households", ids["R"], 3)
        r.call("offline branch interrupted by a server edit", "GET", f"{E}/{ids['R']}/versions")
        # trunk version in the future
        send("R9", followup(r.iid("R9"), ids["R"], 50, phone="r9", trunk=50, branch=r.uuid4("branch-R9")))
        self.wait_processed(pid, "returnee_followup", r.iid("R9"))
        r.call("trunkVersion the server never had", "GET", f"{F}/{r.iid('R9')}/audits", note="Held, not an error. Held submissions are forced through by a daily job once they are five days old.")
        # created offline, update arrives before create
        br = r.uuid4("branch-S")
        send("S2", followup(r.iid("S2"), ids["S"], 1, phone="s2", branch=br))
        self.wait_processed(pid, "returnee_followup", r.iid("S2"))
        r.call("update of an entity created offline arrives first", "GET", f"{F}/{r.iid('S2')}/audits")
        mk("S")
        self.wait_entity(pid, "households", ids["S"], 2)
        r.call("create arrives, the held update follows", "GET", f"{E}/{ids['S']}/versions")
        r.call("branch id missing", "POST", F, headers=XML, data=followup(r.iid("R10"), ids["R"], 3, phone="r10", trunk=3))
        self.wait_processed(pid, "returnee_followup", r.iid("R10"))
        r.call("audits: branch id missing", "GET", f"{F}/{r.iid('R10')}/audits")

    # ==================================================================
    def s12_entity_spec(self):
        r = self.r
        pid = self.project("Contract entity spec versions")
        base = f"/v1/projects/{pid}/forms"
        r.section("12_entity_spec", "Which entities-version values a form may carry")
        mk = lambda n, attrs, ver, **kw: xform(f"spec_{n}", "1", [("a", "string")], entity=attrs, entities_version=ver, saveto={"a": "prop_a"}, **kw)
        create = 'dataset="spec_list" id="" create="1"'
        update = 'dataset="spec_list" id="" update="1" baseVersion=""'
        offline = 'dataset="spec_list" id="" update="1" baseVersion="" trunkVersion="" branchId=""'
        for n, attrs, ver in [("2022", create, "2022.1.0"), ("2023", update, "2023.1.0"), ("2024", offline, "2024.1.0"), ("2025", offline, "2025.1.0"),
                              ("2026", offline, "2026.1.0"), ("none", create, None), ("no_action", 'dataset="spec_list" id=""', "2024.1.0"),
                              ("no_list", 'id="" create="1"', "2024.1.0"), ("bad_list", 'dataset="bad.list" id="" create="1"', "2024.1.0"),
                              ("case", 'dataset="Spec_List" id="" create="1"', "2024.1.0")]:
            r.call(f"entities-version {n}", "POST", base, params={"publish": "true"}, headers=XML, data=mk(n, attrs, ver))
        r.call("reserved property name", "POST", base, params={"publish": "true"}, headers=XML,
               data=xform("spec_reserved", "1", [("a", "string")], entity=create, entities_version="2024.1.0", saveto={"a": "name"}))
        r.call("entity inside a repeat, 2024.1", "POST", base, params={"publish": "true"}, headers=XML, data=(FORMS / "members_repeat.xml").read_text().replace("2025.1.0", "2024.1.0").replace("members_repeat", "members_repeat_old"))
        r.call("entity inside a repeat, 2025.1", "POST", base, params={"publish": "true"}, headers=XML, data=(FORMS / "members_repeat.xml").read_text())
        m1, m2 = r.uuid4("member-1"), r.uuid4("member-2")
        inner = "".join(f'<member><member_name>{n}</member_name><meta><entity dataset="members" create="1" id="{u}"><label>{n}</label></entity></meta></member>' for n, u in (("Ada", m1), ("Bo", m2)))
        r.call("submission that makes two entities", "POST", base + "/members_repeat/submissions", headers=XML, data=sub_xml("members_repeat", "1", r.iid("mr-1"), f"<hh_name>H</hh_name>{inner}"))
        self.wait_entity(pid, "members", m2)
        r.call("entities from the repeat", "GET", f"/v1/projects/{pid}/datasets/members/entities")
        r.call("list of spec forms", "GET", f"/v1/projects/{pid}/datasets/spec_list")

    # ==================================================================
    def s13_audits(self):
        r = self.r
        r.section("13_audits", "The server audit log")
        pid = self.project("Contract audits")
        made = datetime.datetime.fromisoformat(self.quiet("GET", f"/v1/projects/{pid}").json()["createdAt"].replace("Z", "+00:00"))
        t0 = (made + datetime.timedelta(milliseconds=100)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self.pause(0.3)
        r.name_value(t0, "<timestamp:start of this section>")
        fid = self.publish(pid, xform("audited", "1", [("a", "string")]))
        aid, tok = self.app_user(pid, "Tablet E")
        self.quiet("POST", f"/v1/projects/{pid}/forms/{fid}/assignments/2/{aid}")
        self.send("-", tok, pid, sub_xml(fid, "1", r.iid("aud-1"), "<a>1</a>"), record=False)
        self.quiet("PATCH", f"/v1/projects/{pid}/forms/{fid}/submissions/{r.iid('aud-1')}", json_={"reviewState": "approved"}, headers={"X-Action-Notes": "checked%20by%20phone"})
        self.quiet("POST", f"/v1/projects/{pid}/datasets", json_={"name": "people"})
        self.quiet("POST", f"/v1/projects/{pid}/datasets/people/entities", json_={"source": {"name": "f.csv"}, "entities": [{"uuid": r.uuid4("aud-e1"), "label": "P"}]})
        self.quiet("PATCH", f"/v1/projects/{pid}/datasets/people/entities/{r.uuid4('aud-e1')}", params={"force": "true"}, json_={"label": "Q"})
        A = "/v1/audits"
        r.call("all since a time", "GET", A, params={"start": t0}, note="Newest first, no total, no nextLink: page with limit and offset.")
        r.call("all since a time, extended", "GET", A, params={"start": t0, "limit": "3"}, headers={"X-Extended-Metadata": "true"})
        r.call("paged", "GET", A, params={"start": t0, "limit": "2", "offset": "1"})
        for a in ("submission", "entity", "form", "nonverbose", "submission.create", "field_key", "nonsense"):
            r.call(f"action {a}", "GET", A, params={"start": t0, "action": a})
        r.call("start and end", "GET", A, params={"start": "2020-01-01T00:00:00.000Z", "end": "2020-01-01T00:00:00.000Z"})
        r.call("bad start", "GET", A, params={"start": "soonish"})
        r.call("limit that is not a number", "GET", A, params={"limit": "x"})
        r.call("as an app user", "GET", f"/v1/key/{tok}/audits", auth="in the path")

    # ==================================================================
    def s14_evolution(self):
        r = self.r
        pid = self.project("Contract form evolution")
        r.section("14_evolution", "What a new form version does to rows already collected")
        f = f"/v1/projects/{pid}/forms/wave"
        v1 = xform("wave", "1", [("stays", "string"), ("income", "decimal"), ("group", "hh", [("moves", "string")]), ("repeat", "member", [("m_name", "string")])])
        v2 = xform("wave", "2", [("stays", "string"), ("monthly_income", "decimal"), ("moves", "string"), ("added", "int"), ("repeat", "member", [("m_name", "string"), ("m_age", "int")])])
        v3 = xform("wave", "3", [("stays", "string"), ("income", "string")])
        v4 = xform("wave", "4", [("stays", "string"), ("income", "decimal"), ("member", "string")])
        self.publish(pid, v1)
        self.rest_send(pid, "wave", sub_xml("wave", "1", r.iid("w1"), "<stays>a</stays><income>10.5</income><hh><moves>x</moves></hh><member><m_name>M</m_name></member>"))
        e1 = r.call("v1: row", "GET", f + ".svc/Submissions", params={"$expand": "*"})
        r.call("v2 draft renames, moves and adds fields", "POST", f + "/draft", headers=XML, data=v2)
        self.new_version(pid, "wave", v2)
        r.call("v2 published: the same row", "GET", f + ".svc/Submissions", params={"$expand": "*"}, note="OData always shows the newest published schema: income and hh/moves are gone from the old row, added is null.")
        r.call("v2 published: If-None-Match from before", "GET", f + ".svc/Submissions", params={"$expand": "*"}, headers={"If-None-Match": e1.headers["ETag"]},
               note="304, although the columns changed: the ETag covers rows, not the schema.")
        self.rest_send(pid, "wave", sub_xml("wave", "2", r.iid("w2"), "<stays>b</stays><monthly_income>20</monthly_income><moves>y</moves><added>7</added><member><m_name>N</m_name><m_age>4</m_age></member>"))
        self.rest_send(pid, "wave", sub_xml("wave", "1", r.iid("w3"), "<stays>c</stays><income>30</income><hh><moves>z</moves></hh>"))
        r.call("v2 published: rows of both versions", "GET", f + ".svc/Submissions", params={"$expand": "*"}, note="w3 came from a tablet that still had v1.")
        r.call("xml of the old row still has everything", "GET", f + "/submissions/" + r.iid("w1") + ".xml")
        r.call("fields of the form", "GET", f + "/fields")
        r.call("fields of version 1", "GET", f + "/versions/1/fields")
        r.call("CSV", "GET", f + "/submissions.csv")
        r.call("CSV with deleted fields", "GET", f + "/submissions.csv", params={"deletedFields": "true"}, note="The union of all versions.")
        self.quiet("PUT", f + "/submissions/" + r.iid("w1"), headers=XML, data=sub_xml("wave", "2", r.iid("w1-edit"), "<stays>a2</stays><monthly_income>11</monthly_income>", deprecated=r.iid("w1")))
        r.call("row of v1 edited with v2", "GET", f + f".svc/Submissions('{r.iid('w1')}')", note="__system/formVersion stays that of the first version of the submission.")
        r.call("its versions", "GET", f + "/submissions/" + r.iid("w1") + "/versions", headers={"X-Extended-Metadata": "true"})
        r.call("v3 draft: income comes back as text", "POST", f + "/draft", headers=XML, data=v3, params={"ignoreWarnings": "true"}, note="Accepted: v2, the version before, has no income, and only the version before is compared.")
        r.call("v4 draft: a repeat becomes a field", "POST", f + "/draft", params={"ignoreWarnings": "true"}, headers=XML, data=v4)
        self.quiet("POST", f + "/draft", params={"ignoreWarnings": "true"}, headers=XML, data=xform("wave", "5", [("stays", "string"), ("income", "decimal")]))
        self.rest_draft = self.quiet("POST", f + "/draft/submissions", headers=XML, data=sub_xml("wave", "5", r.iid("draft-1"), "<stays>d</stays>"))
        r.call("draft submissions", "GET", f + "/draft.svc/Submissions")
        self.quiet("POST", f + "/draft/publish")
        r.call("published: draft submissions are gone, income is back", "GET", f + ".svc/Submissions")
        r.call("subtable removed by v5", "GET", f + ".svc/Submissions.member")
        self.quiet("DELETE", f)
        r.call("OData of a deleted form", "GET", f + ".svc/Submissions")

    # ==================================================================
    def s16_pyodk(self):
        from pyodk._utils.config import CentralConfig, Config
        from pyodk.client import Client
        from pyodk.__version__ import __version__ as pv
        import logging
        logging.getLogger("pyodk").setLevel(logging.CRITICAL)
        r = self.r
        pid = self.project("Contract pyodk")
        r.section("16_pyodk", f"What pyodk {pv} sends for each call")
        tmp = pathlib.Path(tempfile.mkdtemp())
        trace = []

        def hook(res, *a, **k):
            q = res.request
            u = urllib.parse.urlparse(q.url)
            body = q.body
            if body is None:
                shown = None
            elif isinstance(body, (bytes, str)):
                raw = body.encode() if isinstance(body, str) else body
                if "json" in (q.headers.get("Content-Type") or ""):
                    j = json.loads(raw)
                    if "password" in j:
                        j = {"email": "<email>", "password": "<password>"}
                    shown = {"json": r.json(j)}
                else:
                    shown = {"binary": "xlsx workbook"} if raw[:2] == b"PK" else {"text": r.text(raw.decode("utf-8", "replace"))}
            else:
                shown = {"stream": "chunked"}
            hs = {h: r.text(str(q.headers[h])) for h in ("Content-Type", "User-Agent", "Transfer-Encoding", "X-XlsForm-FormId-Fallback") if h in q.headers}
            trace.append({"request": {"method": q.method, "path": r.text(u.path), "query": {a: r.text(b) for a, b in urllib.parse.parse_qsl(u.query)},
                                      "headers": hs, "body": shown},
                          "response": {"status": res.status_code, "body": r.body(res) if res.status_code >= 400 else None}})

        def step(code, fn):
            trace.clear()
            try:
                out = fn()
                shown = {"type": type(out).__name__}
            except Exception as e:  # noqa: BLE001 - the record shows whatever pyodk raises
                out, shown = None, {"raises": type(e).__name__, "message": r.text(str(e).split(", content:")[0])}
            r.exchanges.append({"name": code, "result": shown, "http": list(trace)})
            return out
        cfg = Config(central=CentralConfig(base_url=r.base, username=self.email, password=self.password, default_project_id=pid))
        c = Client(config=cfg, cache_path=tmp / "cache.toml")
        c.session.hooks["response"].append(hook)
        step("Client(config=...).open()  # empty token cache", lambda: c.open() and None)
        r.name_value(c.session.headers["Authorization"][7:], "<token:pyodk>")
        c2 = Client(config=cfg, cache_path=tmp / "cache.toml")
        c2.session.hooks["response"].append(hook)
        step("Client(config=...).open()  # token in the cache file", lambda: c2.open() and None)
        r.observe("adapters", "Timeout and retries are set on https:// only.", {
            p: {"timeout": getattr(a, "timeout", None), "retries": a.max_retries.total, "statuses": sorted(a.max_retries.status_forcelist or []),
                "methods": sorted(a.max_retries.allowed_methods or [])} for p, a in c.session.adapters.items()})
        step("client.projects.list()", c.projects.list)
        step("client.projects.get()", c.projects.get)
        r.exchanges[-2]["http"][0]["response"]["body"] = None
        b1 = (FORMS / "returnee_baseline.v1.xml").read_text()
        (tmp / "regions.csv").write_text(REGIONS)
        (tmp / "returnee_followup.xml").write_text((FORMS / "returnee_followup.v1.xml").read_text())
        xlsx = tmp / "xlsx_clean.xlsx"
        xlsx.write_bytes(md_to_xlsx((FORMS / "xlsx_clean.md").read_text()))
        step("client.forms.create(definition=<xml text>, attachments=[regions.csv])", lambda: c.forms.create(definition=b1, attachments=[str(tmp / "regions.csv")]))
        step("client.forms.create(definition='returnee_followup.xml')", lambda: c.forms.create(definition=str(tmp / "returnee_followup.xml")))
        step("client.forms.create(definition='xlsx_clean.xlsx')", lambda: c.forms.create(definition=str(xlsx)))
        step("client.forms.create(...)  # form id exists", lambda: c.forms.create(definition=b1))
        step("client.forms.update('returnee_baseline', definition=<v2 xml>)", lambda: c.forms.update("returnee_baseline", definition=(FORMS / "returnee_baseline.v2.xml").read_text()))
        step("client.forms.update('returnee_baseline', definition=<v2 xml>)  # version exists", lambda: c.forms.update("returnee_baseline", definition=(FORMS / "returnee_baseline.v2.xml").read_text()))
        step("client.forms.update('returnee_baseline', attachments=[...], version_updater=...)", lambda: c.forms.update("returnee_baseline", attachments=[str(tmp / "regions.csv")], version_updater=lambda v: v + "-1"))
        step("client.forms.list()", c.forms.list)
        step("client.forms.get('returnee_baseline')", lambda: c.forms.get("returnee_baseline"))
        step("client.forms.get('missing')", lambda: c.forms.get("missing"))
        step("client.projects.create_app_users(['Tablet 1'], forms=['returnee_baseline'])", lambda: c.projects.create_app_users(["Tablet 1"], forms=["returnee_baseline"]))
        step("client.projects.create_app_users(['Tablet 1'], forms=['returnee_followup'])  # name exists", lambda: c.projects.create_app_users(["Tablet 1"], forms=["returnee_followup"]))
        self.quiet("POST", f"/v1/projects/{pid}/forms", data=xform("draft_only", "1", [("a", "string")]), headers=XML)
        step("client.forms.list()  # one form has only a draft", c.forms.list)
        i1 = r.iid("py-1")
        step("client.submissions.create(xml=...)", lambda: c.submissions.create(xml=baseline(i1, version="2026020101-1"), form_id="returnee_baseline", device_id="pyodk"))
        step("client.submissions.create(xml=...)  # again", lambda: c.submissions.create(xml=baseline(i1, version="2026020101-1"), form_id="returnee_baseline"))
        step("client.submissions.list('returnee_baseline')", lambda: c.submissions.list("returnee_baseline"))
        step("client.submissions.get(...)", lambda: c.submissions.get(i1, "returnee_baseline"))
        step("client.submissions.get_table('returnee_baseline')", lambda: c.submissions.get_table("returnee_baseline"))
        step("client.submissions.get_table(..., top=1, count=True, expand='*', filter=...)", lambda: c.submissions.get_table(
            "returnee_baseline", top=1, skip=0, count=True, wkt=True, expand="*", filter="__system/submissionDate ge 2020-01-01T00:00:00.000Z"))
        step("client.submissions.get_table(..., filter='+02:00 offset')", lambda: c.submissions.get_table("returnee_baseline", filter="__system/submissionDate ge 2020-01-01T00:00:00.000+02:00"))
        step("client.submissions.edit(...)", lambda: c.submissions.edit(i1, xml=baseline(r.iid("py-1-edit"), version="2026020101-1", name="Edited", deprecated=i1), form_id="returnee_baseline", comment="typo"))
        step("client.submissions.edit(...)  # stale", lambda: c.submissions.edit(i1, xml=baseline(r.iid("py-1-edit-2"), version="2026020101-1", deprecated=i1), form_id="returnee_baseline"))
        step("client.submissions.review(..., 'approved', comment=...)", lambda: c.submissions.review(i1, review_state="approved", form_id="returnee_baseline", comment="ok"))
        step("client.entity_lists.list()", c.entity_lists.list)
        step("client.entity_lists.create(entity_list_name='people')", lambda: c.entity_lists.create(entity_list_name="people"))
        step("client.entity_lists.add_property('region', 'people')", lambda: c.entity_lists.add_property("region", "people"))
        step("client.entity_lists.get('people')", lambda: c.entity_lists.get("people"))
        e = r.uuid4("py-e1")
        step("client.entities.create(...)", lambda: c.entities.create(label="P1", data={"region": "north"}, entity_list_name="people", uuid=e))
        step("client.entities.create_many(...)", lambda: c.entities.create_many([{"label": "P2", "region": "south"}, {"label": "P3", "region": "east"}], entity_list_name="people"))
        step("client.entities.create_many(..., source_size='2')", lambda: c.entities.create_many([{"label": "P4", "region": "south"}], entity_list_name="people", source_size="2"))
        step("client.entities.create_many(...)  # number value", lambda: c.entities.create_many([{"label": "P4", "region": 5}], entity_list_name="people"))
        step("client.entities.update(..., base_version=1)", lambda: c.entities.update(e, entity_list_name="people", data={"region": "west"}, base_version=1))
        step("client.entities.update(..., base_version=1)  # stale", lambda: c.entities.update(e, entity_list_name="people", data={"region": "west"}, base_version=1))
        step("client.entities.update(..., force=True)", lambda: c.entities.update(e, entity_list_name="people", data={"region": "west"}, force=True))
        step("client.entities.list('people')", lambda: c.entities.list("people"))
        step("client.entities.get_table('people', top=1)", lambda: c.entities.get_table("people", top=1))
        step("client.entities.merge([...], 'people', match_keys=['label'])", lambda: c.entities.merge(
            [{"label": "P2", "region": "changed"}, {"label": "P9", "region": "new", "phone": "1"}], "people", match_keys=["label"]))
        step("client.entities.merge([...], project_id=...)  # default project differs", lambda: Client(
            config=Config(central=CentralConfig(base_url=r.base, username=self.email, password=self.password)), cache_path=tmp / "cache.toml"
        ).entities.merge([{"label": "P2", "region": "x"}], "people", project_id=pid, match_keys=["label"]))
        step("client.entities.delete(...)", lambda: c.entities.delete(e, entity_list_name="people"))
        # expired token
        c.session.headers["Authorization"] = "Bearer " + "b" * 64
        step("client.projects.get()  # token no longer valid", c.projects.get)
        bad = Client(config=Config(central=CentralConfig(base_url=r.base, username=self.email, password="wrong")), cache_path=tmp / "c2.toml")
        bad.session.hooks["response"].append(hook)
        step("Client(...).open()  # wrong password", lambda: bad.open() and None)

    # ==================================================================
    def s17_access(self):
        r = self.r
        pid = self.project("Contract access rules")
        D = f"/v1/projects/{pid}/datasets"
        d, E = D + "/people", D + "/people/entities"
        self.quiet("POST", D, json_={"name": "people"})
        for p in ("assigned", "team"):
            self.quiet("POST", d + "/properties", json_={"name": p})
        e = {k: r.uuid4(f"person-{k}") for k in ("of E1", "of E2", "of nobody")}
        for k, data in (("of E1", {"assigned": "E1", "team": "north"}), ("of E2", {"assigned": "E2", "team": "north"}), ("of nobody", {})):
            self.quiet("POST", E, json_={"uuid": e[k], "label": k, "data": data})
        reading = '<instance id="people" src="jr://file-csv/people.csv"/>'
        self.publish(pid, xform("visit", "1", [("person", "string"), ("note", "string")], instances=reading))
        self.publish(pid, xform("move", "1", [("person", "string"), ("place", "string")], instances=reading, saveto={"place": "place"},
                                entity='dataset="people" id="" update="1" baseVersion="" trunkVersion="" branchId=""', entities_version="2024.1.0"))
        u = {k: self.app_user(pid, k) for k in ("E1", "E2", "E3")}
        for k in u:
            for fid in ("visit", "move"):
                self.quiet("POST", f"/v1/projects/{pid}/forms/{fid}/assignments/2/{u[k][0]}")
        A, U = f"/v1/projects/{pid}/actor-properties", f"/v1/projects/{pid}/app-users"
        X = {"X-Extended-Metadata": "true"}

        def patch(name, who, body, **kw):
            return r.call(name, "PATCH", f"{U}/{u[who][0]}", json_=body, **kw)

        def as_user(name, who, path, **kw):
            return r.call(name, "GET", f"/v1/key/{u[who][1]}/projects/{pid}{path}", auth="in the path", headers=OR, **kw)

        def hash_of(who):
            text = r.http.get(f"{r.base}/v1/key/{u[who][1]}/projects/{pid}/forms/visit/manifest", headers=OR).text
            return re.search(r"<hash>(md5:\w+)</hash>", text)[1]
        def brief(j):
            return j if "code" in j else {k: j[k] for k in ("ownerOnly", "accessFilter") if k in j}
        csv_ = "/forms/visit/attachments/people.csv"
        r.section("17_access", "App-user properties, and access rules on entity lists")
        r.call("properties, none yet", "GET", A)
        r.call("properties, none yet, extended", "GET", A, headers=X)
        r.call("register a property", "POST", A, json_={"name": "enumerator"}, expect=200)
        r.call("register it again", "POST", A, json_={"name": "enumerator"})
        r.call("register it in other capitals", "POST", A, json_={"name": "Enumerator"}, note="Names are told apart by capitals.")
        for name in ("name", "label", "DisplayName", "a b", "__x", "1x", ""):
            r.call(f"register {name!r}", "POST", A, json_={"name": name})
        r.call("register without a name", "POST", A, json_={})
        r.call("register a second", "POST", A, json_={"name": "team"}, expect=200)
        r.call("register as an app user", "POST", f"/v1/key/{u['E1'][1]}/projects/{pid}/actor-properties", auth="in the path", json_={"name": "x"})
        r.call("properties", "GET", A)
        r.call("properties as an app user", "GET", f"/v1/key/{u['E1'][1]}/projects/{pid}/actor-properties", auth="in the path")
        r.call("properties of a project that does not exist", "GET", "/v1/projects/99999999/actor-properties")
        # values
        patch("give a value", "E1", {"properties": {"enumerator": "E1"}}, expect=200)
        patch("give it again", "E1", {"properties": {"enumerator": "E1"}}, expect=200)
        patch("give another", "E1", {"properties": {"enumerator": " E9 "}}, note="Blanks around a value are cut off.")
        patch("give a number", "E1", {"properties": {"enumerator": 1}})
        patch("give a value of an unknown property", "E1", {"properties": {"enumerator": "E8", "district": "x"}}, note="Nothing is kept.")
        patch("give properties as a list", "E1", {"properties": ["enumerator"]})
        patch("give nothing", "E1", {})
        patch("take a value away", "E1", {"properties": {"enumerator": None}})
        patch("take away what is not there", "E1", {"properties": {"enumerator": None}})
        patch("give it back", "E1", {"properties": {"enumerator": "E1"}})
        patch("a value of blanks", "E3", {"properties": {"enumerator": "  "}}, note="The same as taking it away.")
        r.call("give a value to nobody", "PATCH", f"{U}/99999999", json_={"properties": {"enumerator": "E1"}})
        r.call("give a value as an app user", "PATCH", f"/v1/key/{u['E1'][1]}/projects/{pid}/app-users/{u['E1'][0]}", auth="in the path",
               json_={"properties": {"enumerator": "E2"}})
        r.call("an app user", "GET", f"{U}/{u['E1'][0]}")
        r.call("an app user, extended", "GET", f"{U}/{u['E1'][0]}", headers=X)
        r.call("an app user that does not exist", "GET", f"{U}/99999999")
        res = r.call("make an app user with a value", "POST", U, json_={"displayName": "E4", "properties": {"enumerator": "E4", "team": "north"}}, expect=200,
                     note="The answer does not show the values.")
        u["E4"] = (res.json()["id"], res.json()["token"])
        r.name_value(u["E4"][1], "<token:E4>")
        r.call("make an app user with a value of an unknown property", "POST", U, json_={"displayName": "E5", "properties": {"district": "x"}})
        r.call("app users, extended", "GET", U, headers=X, note="No app user was made by the refused call.")
        patch("E2 is E2", "E2", {"properties": {"enumerator": "E2"}})
        r.call("properties, extended", "GET", A, headers=X, note="With the values in use.")
        # the rule
        r.call("list without a rule", "GET", d)
        as_user("without a rule E1 gets everybody", "E1", csv_)
        before = {k: hash_of(k) for k in ("E1", "E2")}
        rule = {"type": "property", "rules": [{"datasetProperty": "assigned", "actorProperty": "enumerator"}]}
        r.call("set a rule", "PATCH", d, json_={"accessFilter": rule}, expect=200)
        r.call("set it again", "PATCH", d, json_={"accessFilter": rule}, keep=brief, expect=200)
        r.call("list with a rule", "GET", d)
        r.call("lists with a rule", "GET", D, note="The rule is not in the listing.")
        for k in ("E1", "E2", "E3"):
            as_user(f"{k} gets theirs", k, csv_)
        r.observe("a rule changes the hash of the list", "E1 and E2 have other hashes than before, and other than each other.",
                  {"E1 changed": hash_of("E1") != before["E1"], "E2 changed": hash_of("E2") != before["E2"], "differ": hash_of("E1") != hash_of("E2"),
                   "were the same": before["E1"] == before["E2"]})
        as_user("manifest of E1", "E1", "/forms/visit/manifest")
        r.call("integrity as E1", "GET", f"/v1/key/{u['E1'][1]}/projects/{pid}/datasets/people/integrity", auth="in the path", headers=OR,
               params={"id": ",".join((e["of E1"],))})
        r.call("integrity as E1, somebody else's", "GET", f"/v1/key/{u['E1'][1]}/projects/{pid}/datasets/people/integrity", auth="in the path", headers=OR,
               params={"id": e["of E2"]}, note="What is not theirs is said to be deleted, so that Collect forgets it.")
        r.call("the attachment as the administrator", "GET", f"/v1/projects/{pid}{csv_}", note="Rules do not touch those who may list entities.")
        r.call("entities.csv as the administrator", "GET", d + "/entities.csv")
        # hashes move with what is theirs, and with what is not
        h = {k: hash_of(k) for k in ("E1", "E2")}
        patch("E1 becomes E2", "E1", {"properties": {"enumerator": "E2"}})
        as_user("E1 gets those of E2", "E1", csv_)
        r.observe("another value changes the hash of that user alone", "", {"E1": hash_of("E1") != h["E1"], "E2": hash_of("E2") != h["E2"]})
        patch("E1 is E1 again", "E1", {"properties": {"enumerator": "E1"}})
        h = {k: hash_of(k) for k in ("E1", "E2")}
        self.quiet("PATCH", f"{E}/{e['of nobody']}", params={"baseVersion": "1"}, json_={"data": {"assigned": "E1"}})
        as_user("E1 gets one more", "E1", csv_)
        r.observe("an entity given to E1 changes both hashes", "", {"E1": hash_of("E1") != h["E1"], "E2": hash_of("E2") != h["E2"]})
        # a rule narrows what is shown, not what may be sent
        mover = sub_xml("move", "1", r.iid("moved"), f"<person>{e['of E2']}</person><place>Hue</place>",
                        entity=f'<entity xmlns="http://www.opendatakit.org/xforms/entities" dataset="people" id="{e["of E2"]}" update="1" baseVersion="1"/>')
        self.send("E1 updates an entity of E2", u["E1"][1], pid, mover, note="Accepted: the rule is about reading.")
        self.wait_entity(pid, "people", e["of E2"], 2)
        r.call("the entity of E2", "GET", f"{E}/{e['of E2']}")
        # rules that are refused, and one that is not
        for name, bad in (("no rules", {"type": "property", "rules": []}), ("rules missing", {"type": "property"}),
                          ("half a rule", {"type": "property", "rules": [{"datasetProperty": "assigned"}]}),
                          ("another type", {"type": "team"}), ("no type", {})):
            r.call(f"refused: {name}", "PATCH", d, json_={"accessFilter": bad}, keep=brief)
        r.call("the rule still stands", "GET", d, keep=brief)
        wrong = {"type": "property", "rules": [{"datasetProperty": "assigned", "actorProperty": "district"}]}
        r.call("a rule by an unknown app-user property", "PATCH", d, json_={"accessFilter": wrong},
               note="200, and the list has no rule any more: everybody gets everything. Read the answer.")
        as_user("E1 gets everybody again", "E1", csv_)
        wrong = {"type": "property", "rules": [{"datasetProperty": "district", "actorProperty": "enumerator"}]}
        r.call("a rule by an unknown property of the list", "PATCH", d, json_={"accessFilter": wrong}, keep=brief, note="The same.")
        two = {"type": "property", "rules": [{"datasetProperty": "assigned", "actorProperty": "enumerator"}, {"datasetProperty": "team", "actorProperty": "team"}]}
        patch("E1 is of the team north", "E1", {"properties": {"team": "north"}})
        r.call("two rules", "PATCH", d, json_={"accessFilter": two}, keep=brief)
        as_user("E1 gets what either rule gives", "E1", csv_, note="Its API documentation says that all rules must match; this version takes any.")
        r.call("only one's own", "PATCH", d, json_={"accessFilter": {"type": "ownerOnly"}}, keep=brief)
        as_user("E1 gets what E1 made", "E1", csv_)
        r.call("the rule after only one's own", "PATCH", d, json_={"accessFilter": rule}, keep=brief)
        r.call("only one's own, the older way", "PATCH", d, json_={"ownerOnly": True}, keep=brief)
        r.call("not only one's own, the older way", "PATCH", d, json_={"ownerOnly": False}, keep=brief, note="The rule does not come back.")
        r.call("set it once more", "PATCH", d, json_={"accessFilter": rule}, keep=brief)
        r.call("an empty change", "PATCH", d, json_={}, keep=brief)
        r.call("lift the rule", "PATCH", d, json_={"accessFilter": None}, keep=brief)
        as_user("E1 gets everybody once more", "E1", csv_)
        r.call("set it for the form states", "PATCH", d, json_={"accessFilter": rule}, keep=brief)
        # states of the form that carries the list
        f = f"/v1/projects/{pid}/forms/visit"
        for state in ("closing", "closed", "open"):
            self.quiet("PATCH", f, json_={"state": state})
            as_user(f"manifest while {state}", "E1", "/forms/visit/manifest")
            as_user(f"list while {state}", "E1", csv_)
        # audits
        for action in ("actor_property.create", "field_key.property.set"):
            rows = [a for a in self.quiet("GET", "/v1/audits", params={"action": action, "limit": "200"}).json() if a.get("acteeId")]
            r.observe(f"audits {action}", "Of the last one: which details.", {"some": bool(rows), "details": sorted((rows[0]["details"] or {}) if rows else {})})
        r.call("an entity of another's list is audited as usual", "GET", f"{E}/{e['of E2']}/audits",
               keep=lambda rows: [{"action": a["action"]} for a in rows])

    # ==================================================================
    def meta(self, version, sections):
        r = self.r
        (r.out / "meta.json").write_text(json.dumps({"central": version, "recorder": 1, "sections": sections}, indent=1) + "\n")


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--base-url", required=True, help="scheme, host and port, without /v1")
    ap.add_argument("--email", required=True)
    ap.add_argument("--password", required=True)
    ap.add_argument("--out", required=True)
    ap.add_argument("--domain", help="the server's own idea of its base URL, as used in formList and nextLink (default: base URL)")
    ap.add_argument("--central-version", default="unknown", help="written to meta.json")
    ap.add_argument("--only", help="comma-separated section numbers, for example 03,07")
    a = ap.parse_args()
    r = Recorder(a.base_url, a.out)
    r.domain = a.domain
    r.name_value(a.email, "<admin-email>")
    r.name_value(a.password, "<admin-password>")
    for p in sorted(FORMS.glob("*.xml")):
        r.know_file(f"forms/{p.name}", p.read_text())
    for n, c in (("regions.csv", REGIONS), ("regions.csv with west", REGIONS2), ("households.csv upload", HOUSEHOLDS_CSV)):
        r.know_file(n, c)
    r.know_file("the photo", JPG)
    run = Run(r, a.email, a.password)
    run.login()
    admin_id = r.http.get(r.base + "/v1/users/current", headers={"Authorization": f"Bearer {r.token}"}).json()["id"]
    sections = sorted(n for n in dir(run) if n.startswith("s") and n[1:3].isdigit())
    if a.only:
        sections = [s for s in sections if s[1:3] in a.only.split(",")]
    for s in sections:
        r.restart_numbers(admin_id)
        try:
            getattr(run, s)()
        except Exception as e:  # noqa: BLE001 - keep what was recorded, say what broke
            import traceback
            traceback.print_exc()
            print(f"   ! section {s} stopped: {e!r}", file=sys.stderr)
        r.flush()
    run.meta(a.central_version, [s[1:] for s in sections])


if __name__ == "__main__":
    main()
