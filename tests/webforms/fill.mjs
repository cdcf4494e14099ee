// Interviews told again on the engine of ODK Web Forms: a second opinion on routing, calculations and XML.
//
// Reads one job as JSON from stdin: { form, media, now, properties, interviews: [{ answers: [[path, text]…],
// repeats: {path: count}, language }] } and writes one result per interview as JSON: { xml, status,
// violations: [[reference, condition, message]…], unanswered: [[path, why]…] }. The engine needs a DOM
// (jsdom), a clock that stands at `now`, and attachments answered as by a server. TZ is the caller's.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { text as readAll } from 'node:stream/consumers';
import { JSDOM } from 'jsdom';

const DOM = ['window', 'document', 'DOMParser', 'XMLSerializer', 'Node', 'Element', 'Attr', 'Document',
  'XMLDocument', 'Text', 'Comment', 'localStorage', 'XPathResult', 'NodeFilter'];

const job = JSON.parse(await readAll(process.stdin));
prepare(job.now);
const { loadForm } = await import('@getodk/xforms-engine');
const loaded = await loadForm(await readFile(job.form, 'utf8'), { fetchFormAttachment: attachment });
if (loaded.error) throw loaded.error;
const results = [];
for (const interview of job.interviews) results.push(await fill(interview));
process.stdout.write(JSON.stringify(results));

function prepare(now) {
  globalThis.__dirname ??= '/'; // the bundled parser takes the CommonJS path of plain Node otherwise
  const { window } = new JSDOM('<html/>', { url: 'http://localhost/' });
  for (const name of DOM) globalThis[name] ??= name === 'window' ? window : window[name];
  const Real = Date;
  globalThis.Date = class extends Real {
    constructor(...given) {
      super(...(given.length ? given : [now]));
    }
    static now() {
      return new Real(now).getTime();
    }
  };
}

async function attachment(url) {
  const name = path.basename(decodeURIComponent(String(url)));
  const kind = name.endsWith('.csv') ? 'text/csv' : 'application/octet-stream';
  return new Response(await readFile(path.join(job.media, name)), { headers: { 'content-type': kind } });
}

async function fill({ answers, repeats, language }) {
  const { root } = loaded.createInstance({ preloadProperties: job.properties });
  const chosen = root.languages.find((one) => one.language === language);
  if (chosen) root.setLanguage(chosen);
  const unanswered = [];
  for (const [where, text] of answers) {
    const node = find(root, where, repeats);
    const why = !node ? 'not there' : !node.currentState.relevant ? 'not relevant' : answer(node, text);
    if (why) unanswered.push([where, why]);
  }
  settle(root, repeats, '');
  const payload = await root.prepareInstancePayload({ payloadType: 'monolithic' });
  const violations = (payload.violations ?? []).map((one) => [
    one.reference, one.violation.condition, one.violation.message?.asString ?? '']);
  return { xml: await payload.data[0].get('xml_submission_file').text(), status: payload.status, violations,
    unanswered };
}

function step(reference) {
  return reference.split('/').at(-1).replace(/\[\d+\]$/, '');
}

// The node at /data/group/repeat[2]/name; a repeat gets its instances before anything in it is looked for.
function find(root, where, repeats) {
  let node = root;
  let sofar = '/data';
  for (const part of where.split('/').slice(2)) {
    const [, name, place] = part.match(/^([^[]+)(?:\[(\d+)\])?$/);
    sofar += `/${name}`;
    node = (node.currentState.children ?? []).find((child) => step(child.currentState.reference) === name);
    if (node?.nodeType.startsWith('repeat-range')) {
      number(node, repeats[sofar] ?? 0);
      node = node.currentState.children[Number(place ?? 1) - 1];
    }
    if (!node) return null;
  }
  return node;
}

function number(range, wanted) {
  if (range.nodeType !== 'repeat-range:uncontrolled') return;
  const there = range.currentState.children.length;
  if (there < wanted) range.addInstances(there - 1, wanted - there);
  if (there > wanted) range.removeInstances(wanted, there - wanted);
}

// Repeats nobody said anything about have the first instance that a form ships with: drop it.
function settle(node, repeats, sofar) {
  for (const child of node.currentState.children ?? []) {
    const here = `${sofar || '/data'}/${step(child.currentState.reference)}`;
    if (child.nodeType.startsWith('repeat-range')) number(child, repeats[here] ?? 0);
    else settle(child, repeats, here);
  }
}

function answer(node, text) {
  switch (node.nodeType) {
    case 'select':
      node.selectValues(node.selectType === 'select' ? text.split(/\s+/) : [text]);
      return '';
    case 'rank':
      node.setValues(text.split(/\s+/));
      return '';
    case 'trigger':
      node.setValue(text === 'OK');
      return '';
    case 'input':
    case 'range':
      node.setValue(typed(node.valueType, text));
      return '';
    default:
      return `a ${node.nodeType} takes no answer`;
  }
}

function typed(kind, text) {
  if (kind === 'int') return BigInt(text);
  if (kind === 'decimal') return Number(text);
  return text;
}
