/**
 * The try-it page: a test bench for one conversation over `docent.chat.v1`.
 *
 * Top to bottom: small tools, Markdown, the connection, messages, actions, dialogs, the trace, attribute
 * editors, and the page that joins them. Everything the server says is data: it becomes text nodes, and an
 * address becomes a link only after `safeUrl`. Nothing here parses HTML.
 */

const PROTOCOL = 'docent.chat.v1';
const VERSION = '0.1.0';
// What an agent may offer. Experiences and automations are described here instead of run.
const ACTION_TYPES = ['launch_experience', 'open_post', 'navigate', 'run_automation', 'automation_step'];

// ---------------------------------------------------------------- small tools

const byId = (id) => document.getElementById(id);

/** Builds an element; `on…` names are listeners, absent and false values are left out. */
function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false));
  return node;
}

function svg(tag, attributes, ...children) {
  const node = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

const ICONS = {
  __proto__: null, // looked up by names from the wire
  up: 'M5 14V7l3-5c1 0 1.7.8 1.5 1.8L9 6.500h3.600c.9 0 1.500.8 1.300 1.600l-1 4.600c-.2.8-.8 1.300-1.600 1.300zM5 7H2v7h3',
  down: 'M11 2v7l-3 5c-1 0-1.700-.8-1.500-1.800L7 9.500H3.400c-.9 0-1.500-.8-1.300-1.600l1-4.600C3.300 2.500 3.900 2 4.700 2zM11 9h3V2h-3',
  navigate: 'M3 8h9M8.500 4.500 12 8l-3.500 3.500', new_tab: 'M6 3H3v10h10v-3M9 3h4v4M13 3 7.500 8.500',
  open_post: 'M4 2h8v12H4zM6.500 5.500h3M6.500 8h3M6.500 10.500h2', launch_experience: 'M5 3.500v9l7-4.500z', other: 'M8 3v10M3 8h10',
};
const icon = (name) => svg('svg', { viewBox: '0 0 16 16', class: 'icon', 'aria-hidden': 'true' }, svg('path', { d: ICONS[name] ?? ICONS.other }));

/** A ULID: 48 bits of time and 80 random bits in Crockford's base 32. */
function ulid() {
  const digits = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
  let time = Date.now();
  let head = '';
  for (let place = 0; place < 10; place++, time = Math.floor(time / 32)) head = digits[time % 32] + head;
  return head + Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => digits[byte % 32]).join('');
}

/** `crypto.randomUUID` exists only in secure contexts; the page may be served over plain HTTP. */
function uuid4() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 15) | 64;
  bytes[8] = (bytes[8] & 63) | 128;
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** What outlives a reload of this tab. Storage may be full or forbidden; the page works without. */
const memory = {
  get(key, otherwise) {
    try { return JSON.parse(sessionStorage.getItem(`docent.try-it.${key}`)) ?? otherwise; } catch { return otherwise; }
  },
  set(key, value) {
    try { sessionStorage.setItem(`docent.try-it.${key}`, JSON.stringify(value)); } catch { /* see above */ }
    return value;
  },
};

const context = memory.get('context', { url: location.href, title: document.title, attributes: {} });

/** The URL behind `href`, seen from the page in the context, if its scheme is one we follow; else null. */
function safeUrl(href, schemes = ['http:', 'https:']) {
  try {
    const url = new URL(String(href).trim(), context.url);
    return schemes.includes(url.protocol) ? url : null;
  } catch { return null; }
}

/** A link that opens beside the bench, or plain text where the address may not be followed. */
function link(href, ...children) {
  const url = safeUrl(href, ['http:', 'https:', 'mailto:']);
  if (!url) return el('span', { class: 'refused', title: 'The address of this link is not allowed' }, ...children);
  return el('a', { href: url.href, title: url.host || url.pathname, target: '_blank', rel: 'noopener noreferrer nofollow' }, ...children);
}

/** Arrow keys move among the buttons of a group, of which one is in the tab order. */
function rove(group, choose = () => {}) {
  group.addEventListener('keydown', (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const items = [...group.querySelectorAll('button')];
    const at = items.indexOf(document.activeElement);
    if (!step || at < 0) return;
    event.preventDefault();
    const next = items[(at + step + items.length) % items.length];
    for (const item of items) item.tabIndex = item === next ? 0 : -1;
    next.focus();
    choose(next);
  });
  [...group.querySelectorAll('button')].forEach((item, at) => { item.tabIndex = at === 0 ? 0 : -1; });
  return group;
}

const milliseconds = (value) => (value < 10 ? `${value.toFixed(1)} ms` : value < 10_000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`);
const duration = (micros) => (micros < 1000 ? `${Math.round(micros)} µs` : milliseconds(micros / 1000));
const score = (value) => (typeof value !== 'number' ? '–' : Number.isInteger(value) ? String(value) : Math.abs(value) >= 10 ? value.toFixed(1) : value.toFixed(3));
const words = (name) => String(name).replaceAll('_', ' ');
const isObject = (value) => typeof value === 'object' && value !== null;
const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const quoted = (text) => `“${text}”`;

// ------------------------------------------------------------------- Markdown

// A citation is attached to the end of a delta: it travels through the text as MARK_OPEN ref MARK_CLOSE.
// Both are private-use characters, which are taken out of every text that arrives.
const MARK_OPEN = '\uE000';
const MARK_CLOSE = '\uE001';
const MARKS = /\uE000[^\uE000\uE001]*\uE001/g;
const withoutMarks = (text) => text.replace(MARKS, '');
const withoutMarkCharacters = (text) => String(text ?? '').replace(/[\uE000\uE001]/g, '');

const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([\w+#.-]*)[^`]*$/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$/;
const RULE = /^ {0,3}([-*_])( *\1){2,} *$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( *)([-*+]|\d{1,9}[.)])( +|$)/;
const DELIMITERS = /^ *\|?( *:?-+:? *\|)+( *:?-+:?)? *$/;
const startsBlock = (line) => [FENCE, HEADING, RULE, QUOTE, ITEM].some((start) => start.test(line));
const isTable = (lines, at) => lines[at].includes('|') && at + 1 < lines.length && DELIMITERS.test(lines[at + 1]);
const DEEPEST = 8;

/** Cuts Markdown into top-level blocks: `{source, build}`; a source that has not changed need not be built again. */
function markdownBlocks(text, chip, depth = 0) {
  const lines = text.replaceAll('\r\n', '\n').split('\n');
  const blocks = [];
  for (let at = 0; at < lines.length;) {
    const from = at;
    const first = lines[at++];
    const bare = withoutMarks(first);
    let make;
    if (!first.trim()) continue;
    if (FENCE.test(bare)) {
      const [, fence, language] = FENCE.exec(bare);
      const closes = (line) => line.startsWith(fence) && !line.replaceAll(fence[0], '');
      while (at < lines.length && !closes(withoutMarks(lines[at]).trim())) at++;
      const closed = at < lines.length;
      if (closed) at++;
      make = (own) => withTrailingMarks(el('pre', { tabindex: 0, 'data-language': language }, el('code', {}, withoutMarks(own.slice(1, closed ? -1 : undefined).join('\n')))), own, chip);
    } else if (HEADING.test(first)) {
      const [, level, title] = HEADING.exec(first);
      make = () => el(`h${Math.max(level.length, 3)}`, {}, inline(title, chip));
    } else if (RULE.test(bare)) {
      make = (own) => withTrailingMarks(el('hr'), own, chip);
    } else if (QUOTE.test(first) && depth < DEEPEST) {
      while (at < lines.length && lines[at].trim() && (QUOTE.test(lines[at]) || !startsBlock(lines[at]))) at++;
      make = (own) => el('blockquote', {}, builtBlocks(own.map((line) => line.replace(QUOTE, '')).join('\n'), chip, depth + 1));
    } else if (ITEM.test(first) && depth < DEEPEST) {
      const { end, items, ordered, start, loose } = listItems(lines, from);
      at = end;
      make = () => el(ordered ? 'ol' : 'ul', { start: ordered && start !== 1 && start }, items.map((item) => el('li', {}, listItem(item, loose, chip, depth))));
    } else if (isTable(lines, from)) {
      for (at++; at < lines.length && lines[at].includes('|');) at++;
      make = (own) => table(own, chip);
    } else {
      while (at < lines.length && lines[at].trim() && !startsBlock(lines[at]) && !isTable(lines, at)) at++;
      make = (own) => el('p', {}, inline(own.map((line) => line.trimStart()).join('\n'), chip));
    }
    const own = lines.slice(from, at);
    blocks.push({ source: own.join('\n'), build: () => make(own) });
  }
  return blocks;
}

const builtBlocks = (text, chip, depth) => markdownBlocks(text, chip, depth).map((block) => block.build());

function withTrailingMarks(node, lines, chip) {
  const marks = lines.join('').match(MARKS);
  return marks ? el('div', {}, node, el('p', {}, inline(marks.join(''), chip))) : node;
}

/** The items of the list at `at`: each its own lines, outdented. */
function listItems(lines, at) {
  const [, indent, firstMarker] = ITEM.exec(lines[at]);
  const kind = firstMarker.slice(-1);
  const list = { items: [], loose: false, ordered: /\d/.test(firstMarker), start: Number.parseInt(firstMarker, 10), end: at };
  let width = 0;
  let blank = false;
  for (; list.end < lines.length; list.end++) {
    const line = lines[list.end];
    const space = line.search(/\S/);
    const found = ITEM.exec(line);
    if (space < 0) { blank = true; continue; }
    if (list.items.length && space >= width) {
      list.items.at(-1).push(...(blank ? [''] : []), line.slice(width));
    } else if (found && found[1].length <= indent.length + 3 && found[2].slice(-1) === kind && !RULE.test(line)) {
      list.loose ||= blank && list.items.length > 0;
      width = found[0].length || 2;
      list.items.push([line.slice(width)]);
    } else if (!blank && !startsBlock(line)) {
      list.items.at(-1).push(line.trimStart());
    } else break;
    blank = false;
  }
  return list;
}

function listItem(lines, loose, chip, depth) {
  const nodes = builtBlocks(lines.join('\n'), chip, depth + 1);
  return loose ? nodes : nodes.flatMap((node) => (node.tagName === 'P' ? [...node.childNodes] : [node]));
}

function table(rows, chip) {
  const cells = (row) => {
    const marks = row.match(MARKS)?.join('') ?? '';
    const parts = withoutMarks(row).trim().replace(/^\|/, '').replace(/(?<!\\)\|$/, '').split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll('\\|', '|'));
    parts[parts.length - 1] += marks;
    return parts;
  };
  const alignment = cells(rows[1]).map((cell) => (cell.endsWith(':') ? (cell.startsWith(':') ? 'center' : 'end') : 'start'));
  const row = (tag, source) => el('tr', {}, cells(source).slice(0, alignment.length).map((cell, at) => el(tag, { 'data-align': alignment[at] }, inline(cell, chip))));
  return el('div', { class: 'table', tabindex: 0, role: 'group', 'aria-label': 'Table' }, el('table', {}, el('thead', {}, row('th', rows[0])), el('tbody', {}, rows.slice(2).map((source) => row('td', source)))));
}

// Each pattern is tried at one place of the text; every repetition is bounded, so hostile text stays cheap.
const INLINE = [
  [/\\([!-/:-@[-`{-~])/y, ([, character]) => character],
  [/(?: {2,}|\\)\n/y, () => el('br')],
  [/(?<!`)(`{1,8})(?!`)((?:.|\n){1,2000}?)(?<!`)\1(?!`)/y, ([, , code], chip) => [el('code', {}, withoutMarks(code).replace(/^ (.*) $/, '$1')), marksOf(code, chip)]],
  [/\uE000([^\uE000\uE001]*)\uE001/y, ([, ref], chip) => chip(ref)],
  [/!\[([^\]\n]{0,500})\]\(\s*<?((?:[^\s<>()]|\([^\s<>()]{0,500}\)){0,2000})>?(?:\s+["'][^"'\n]{0,300}["'])?\s*\)/y, ([, text, href]) => link(href, withoutMarks(text) || 'Image')],
  [/\[((?:[^[\]\\\n]|\\.|\[[^[\]\n]{0,100}\]){1,500})\]\(\s*<?((?:[^\s<>()]|\([^\s<>()]{0,500}\)){0,2000})>?(?:\s+["'][^"'\n]{0,300}["'])?\s*\)/y,
    ([, text, href], chip) => [link(href, inline(withoutMarks(text), () => null)), marksOf(text, chip)]],
  [/<((?:https?:\/\/|mailto:)[^\s<>]{1,2000})>/y, ([, href]) => link(href, href)],
  [/https?:\/\/[^\s<>\uE000]{0,2000}[^\s<>\uE000.,:;!?'"*_~)\]]/y, ([href]) => link(href, href)],
  [/(\*\*|__)(?=\S)((?:.|\n){1,1000}?\S)\1/y, ([, , text], chip) => el('strong', {}, inline(text, chip))],
  [/\*(?=[^\s*])((?:.|\n){0,1000}?[^\s*])\*(?!\*)/y, ([, text], chip) => el('em', {}, inline(text, chip))],
  [/(?<![\p{L}\p{N}])_(?=[^\s_])((?:.|\n){0,1000}?[^\s_])_(?![\p{L}\p{N}])/uy, ([, text], chip) => el('em', {}, inline(text, chip))],
  [/~~(?=\S)((?:.|\n){1,1000}?\S)~~/y, ([, text], chip) => el('del', {}, inline(text, chip))],
];
const INLINE_START = /[\\`\uE000![<*_~ ]|https?:/g;
const marksOf = (text, chip) => (text.match(MARKS) ?? []).map((mark) => chip(mark.slice(1, -1)));

/** The nodes of inline Markdown; `chip(ref)` makes the mark of a citation. */
function inline(text, chip) {
  if (text.length > 20_000) return [withoutMarks(text)];
  const nodes = [];
  let plain = '';
  for (let at = 0; at < text.length;) {
    INLINE_START.lastIndex = at;
    const start = INLINE_START.exec(text)?.index ?? text.length;
    plain += text.slice(at, start);
    at = start;
    if (at === text.length) break;
    let found;
    const rule = INLINE.find(([pattern]) => { pattern.lastIndex = at; return (found = pattern.exec(text)); });
    if (!rule) { plain += text[at++]; continue; }
    at += found[0].length;
    const made = [rule[1](found, chip)].flat(Infinity).filter((node) => node !== null && node !== undefined);
    if (made.every((node) => typeof node === 'string')) { plain += made.join(''); continue; }
    if (plain) nodes.push(plain);
    plain = '';
    nodes.push(...made);
  }
  if (plain) nodes.push(plain);
  return nodes;
}

/** Shows Markdown in `container`; blocks that have not changed keep their nodes, and so a reader's selection. */
function showMarkdown(container, text, chip = () => null, version = 0) {
  const blocks = markdownBlocks(text, chip);
  const shown = container.shownBlocks ?? [];
  let same = 0;
  while (same < blocks.length && shown[same] === version + blocks[same].source) same++;
  while (container.childNodes.length > same) container.lastChild.remove();
  container.append(...blocks.slice(same).map((block) => block.build()));
  container.shownBlocks = blocks.map((block) => version + block.source);
  return container;
}

// ----------------------------------------------------------------- connection

const STOPPED = {
  1000: 'The server closed the conversation.', 1009: 'A message was too large for the server.',
  4500: 'The server refused the identity token.', 4501: 'The server could not read a frame of this page.', 4502: 'The server waited too long for the greeting of this page.',
  4503: `The server does not speak ${PROTOCOL}.`, 4504: 'The server does not allow this origin.', 4505: 'Too many connections of this user are open.', 4506: 'This project is disabled.',
};

class CommandError extends Error {
  constructor({ code = 'internal', message, retryable = false }) {
    super(message || words(code));
    Object.assign(this, { code, retryable });
  }
}

/** One socket at a time: greeting, cursor, outbox, heartbeat and reconnection. */
class Connection {
  cursor = memory.get('cursor', null);
  outbox = memory.get('outbox', []);
  waiting = new Map();
  ready = false;
  attempt = 0;
  heartbeat = 25_000;
  replayEnd = 0;

  constructor({ hello, receive, report }) {
    Object.assign(this, { hello, receive, report });
    if (this.cursor) this.cursor.seq = 0; // a reload starts with an empty transcript: ask for all of it
    document.addEventListener('visibilitychange', () => this.wake());
    addEventListener('pageshow', () => this.wake());
    addEventListener('online', () => this.wake(true));
    setInterval(() => this.watch(), 5000);
  }

  open() {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.report('connecting');
    const address = new URL('/v1/socket', location.href);
    address.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
    const socket = (this.socket = new WebSocket(address, PROTOCOL));
    this.heardAt = Date.now();
    socket.onopen = () => {
      const { conversation_id, epoch, seq } = this.cursor ?? {};
      this.post('hello', { ...this.hello(), ...(conversation_id && { resume: { conversation_id, epoch, after_seq: seq } }) });
    };
    socket.onmessage = ({ data }) => { if (socket === this.socket) this.read(data); };
    socket.onclose = ({ code, reason }) => { if (socket === this.socket) this.closed(code, reason); };
  }

  /** Leaves the conversation and begins another. */
  restart() {
    this.cursor = null;
    this.outbox = [];
    this.drop();
    this.open();
  }

  drop() {
    const socket = this.socket;
    this.socket = null;
    this.ready = false;
    socket?.close(1000);
  }

  closed(code, reason) {
    if (this.ready && Date.now() - this.welcomedAt > 5000) this.attempt = 0;
    this.ready = false;
    const final = code >= 4500 || (code < 4000 && ![1001, 1006, 1012, 1013].includes(code));
    if (final) return this.report('stopped', `${STOPPED[code] ?? 'The server closed the connection.'} (${code}${reason ? `: ${reason}` : ''})`);
    const jittered = 500 + Math.random() * (Math.min(30_000, 1000 * 2 ** this.attempt++) - 500);
    const delay = Math.max(jittered, this.pause ?? 0);
    this.pause = undefined;
    this.timer = setTimeout(() => { if (!document.hidden) this.open(); else this.asleep = true; }, delay);
    this.report('waiting', `Connection lost (${code}).`);
  }

  wake(now = false) {
    if (document.hidden) return;
    if (this.asleep || (now && this.timer)) { this.asleep = false; this.open(); } else this.watch();
  }

  watch() {
    if (document.hidden || !this.socket || this.timer || Date.now() - this.heardAt < this.heartbeat + 10_000) return;
    if (this.socket.readyState > 1) return;
    this.drop();
    this.closed(4001, 'no sign of life');
  }

  post(type, data, id = ulid()) { this.socket.send(JSON.stringify({ type, id, data })); }

  /** Sends a command now or after the next welcome; resolves with the data of its answer. */
  command(type, data, answer = 'ack') {
    const command = { type, id: ulid(), data };
    const done = new Promise((resolve, reject) => {
      this.waiting.set(command.id, { answer, resolve, reject });
      if (answer !== 'ack') setTimeout(() => this.settle(command.id, 'reject', new CommandError({ code: 'timeout', message: 'The server did not answer in time.' })), 10_000);
    });
    done.catch(() => {});
    this.outbox.push(command);
    memory.set('outbox', this.outbox);
    if (this.ready) this.socket.send(JSON.stringify(command));
    return { id: command.id, done };
  }

  settle(id, how, value) {
    this.outbox = memory.set('outbox', this.outbox.filter((command) => command.id !== id));
    this.waiting.get(id)?.[how](value);
    this.waiting.delete(id);
  }

  read(text) {
    let frames;
    try { frames = [JSON.parse(text)].flat(); } catch { return this.receive({ type: 'error', data: { code: 'bad_frame', message: 'The server sent a frame that is not JSON.' } }, true); }
    this.heardAt = Date.now();
    for (const frame of frames) if (isObject(frame) && frame.type && this.socket) this.take({ ...frame, data: frame.data ?? {} });
  }

  take(frame) {
    const { type, data } = frame;
    const { ref } = frame;
    const awaited = this.waiting.get(ref);
    if (type === 'ping') return this.post('pong', {});
    if (type === 'welcome') return this.welcomed(frame);
    if (type === 'going_away') { this.pause = data.reconnect_after_ms; return; }
    if (type === 'error') {
      if (data.retry_after_ms) this.pause = data.retry_after_ms;
      if (ref) this.settle(ref, 'reject', new CommandError(data));
      if (!awaited) this.receive(frame, true);
      return;
    }
    if (type === 'ack') {
      if (data.conversation_id && data.conversation_id !== this.cursor.conversation_id) this.enter(data);
      return this.settle(ref, 'resolve', data);
    }
    if (awaited?.answer === type) return this.settle(ref, 'resolve', data);
    if (Number.isInteger(frame.seq) && !this.advance(frame)) return;
    this.receive(frame, !(frame.seq <= this.replayEnd));
    memory.set('cursor', this.cursor);
  }

  welcomed({ data }) {
    const before = this.cursor;
    const { conversation_id, epoch, seq = 0 } = data;
    const same = before && before.conversation_id === conversation_id && before.epoch === epoch;
    this.cursor = data.resumed && same ? before : { conversation_id, epoch, seq };
    this.replayEnd = seq;
    this.heartbeat = data.heartbeat_ms ?? this.heartbeat;
    this.welcomedAt = Date.now();
    this.ready = true;
    this.pause = undefined;
    memory.set('cursor', this.cursor);
    const unanswered = [...this.outbox];
    this.report('online');
    this.receive({ type: 'welcome', data: { ...data, moved: Boolean(before) && before.conversation_id !== conversation_id } }, true);
    for (const command of unanswered) {
      if (!same && command.data.conversation_id) command.data.conversation_id = conversation_id;
      this.socket.send(JSON.stringify(command));
    }
  }

  /** A launch opened another conversation: everything that follows belongs to it. */
  enter({ conversation_id, epoch }) {
    this.cursor = { conversation_id, epoch, seq: 0 };
    this.replayEnd = 0;
    this.receive({ type: 'conversation.entered', data: {} }, true);
  }

  /** Whether an event is new. A hole that nothing explains is fetched once; the same hole again is let pass. */
  advance({ seq, data }) {
    const last = this.cursor.seq;
    if (seq <= last) return false;
    const expected = Math.min(data.from_seq ?? seq, seq);
    if (expected > last + 1 && this.hole !== last) {
      this.hole = last;
      this.drop();
      this.closed(4003, 'hole in the sequence');
      return false;
    }
    this.cursor.seq = seq;
    return true;
  }
}

// ------------------------------------------------------------------- messages

/** The scrolling log: follows its end only while the reader is there. */
class Transcript {
  constructor(root, jump) {
    Object.assign(this, { root, jump, following: true, lastTop: 0 });
    root.addEventListener('scroll', () => {
      const atEnd = root.scrollHeight - root.scrollTop - root.clientHeight < 24;
      if (root.scrollTop < this.lastTop - 1 && !atEnd) this.following = false;
      else if (atEnd) this.following = true;
      this.lastTop = root.scrollTop;
      jump.hidden = this.following;
    }, { passive: true });
    jump.addEventListener('click', () => { this.follow(); root.focus({ preventScroll: true }); });
    new ResizeObserver(() => this.settle()).observe(root);
  }

  follow() { this.following = true; this.settle(); }

  /** Call after any change: one scroll write a frame. */
  settle() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined;
      if (this.following) { this.root.scrollTop = this.root.scrollHeight; this.lastTop = this.root.scrollTop; }
      const far = this.root.scrollHeight - this.root.scrollTop - this.root.clientHeight >= 24;
      this.jump.hidden = this.following || !far;
    });
  }

  add(node, before = null) { this.root.insertBefore(node, before); this.settle(); return node; }
  note(kind, ...content) { return this.add(el('p', { class: `note ${kind}` }, ...content)); }
  clear() { this.root.replaceChildren(); this.follow(); }
}

class UserMessage {
  constructor(text) {
    this.text = text;
    this.foot = el('p', { class: 'message-state' });
    this.root = el('article', { class: 'message user', 'aria-label': 'You' }, el('p', { class: 'message-text' }, text), this.foot);
  }

  /** What holds it up, with a way out when it failed. */
  state(text = '', retry = undefined) {
    this.foot.classList.toggle('bad', Boolean(retry));
    this.foot.replaceChildren(text, retry ? ' ' : '', retry ? el('button', { type: 'button', class: 'text-button', onclick: retry }, 'Send again') : '');
  }
}

class AgentMessage {
  text = '';
  citations = [];
  actions = [];

  constructor(id, transcript, page) {
    Object.assign(this, { id, transcript, page });
    this.name = el('h2', { class: 'message-name' }, page.agent.name);
    this.body = el('div', { class: 'prose' });
    this.sources = el('ol', { class: 'sources' });
    this.sourceBox = el('details', { class: 'source-box', hidden: true }, el('summary', {}, 'Sources'), this.sources);
    this.buttons = el('div', { class: 'actions', role: 'group', 'aria-label': 'Actions', hidden: true });
    this.chips = el('div', { class: 'chips', role: 'group', 'aria-label': 'Did you mean' });
    this.foot = el('div', { class: 'message-foot' });
    this.root = el('article', { class: 'message agent', 'aria-label': page.agent.name }, this.name, this.body, this.buttons, this.chips, this.sourceBox, this.foot);
  }

  append(delta, cites = []) {
    const marks = cites.map((ref) => MARK_OPEN + ref + MARK_CLOSE).join('');
    const text = this.text + withoutMarkCharacters(delta);
    const end = text.trimEnd().length;
    this.text = text.slice(0, end) + marks + text.slice(end);
    this.frame ??= requestAnimationFrame(() => this.show());
  }

  /** The final text replaces the streamed one; where both agree, the marks of the stream keep their places. */
  complete({ text, citations, quick_replies: replies }) {
    for (const citation of citations) this.cite(citation);
    const final = withoutMarkCharacters(text);
    if (final.trim() !== withoutMarks(this.text).trim()) this.text = final; // replayed: the places of the marks are not kept
    this.done = true;
    this.show();
    this.offerReplies(replies);
    if (!this.thumbs && this.text.trim()) this.foot.append(this.feedback());
  }

  show() {
    cancelAnimationFrame(this.frame);
    this.frame = undefined;
    showMarkdown(this.body, this.text, (ref) => this.citationChip(ref), this.citations.length);
    this.transcript.settle();
  }

  cite({ ref, source_id: id, title, url, snippet, kind }) {
    if (this.citations.some((known) => known.ref === ref)) return;
    const name = title || id;
    const host = url && safeUrl(url)?.host;
    const entry = el('li', { tabindex: -1 },
      el('span', { class: 'source-number', 'aria-hidden': 'true' }, ref),
      el('div', {}, url ? link(url, name) : el('span', { class: 'source-title' }, name), el('span', { class: 'muted' }, ` ${[words(kind), host !== location.host && host].filter(Boolean).join(' · ')}`), snippet && el('p', { class: 'snippet' }, snippet)));
    this.citations.push({ ref, name, entry });
    this.sources.append(entry);
    this.sourceBox.hidden = false;
    this.sourceBox.firstChild.textContent = this.citations.length === 1 ? '1 source' : `${this.citations.length} sources`;
  }

  citationChip(ref) {
    const citation = this.citations.find((known) => String(known.ref) === ref);
    return citation && el('button', {
      type: 'button', class: 'cite', 'aria-label': `Source ${ref}: ${citation.name}`, title: citation.name,
      onclick: () => { this.sourceBox.open = true; citation.entry.focus(); },
    }, `[${ref}]`);
  }

  offerReplies(replies) {
    this.chips.replaceChildren(...replies.map(({ id, text }) => el('button', {
      type: 'button', class: 'chip',
      onclick: (event) => {
        if (!this.page.ask(text, id)) return;
        for (const chip of this.chips.children) chip.setAttribute('aria-pressed', chip === event.currentTarget);
      },
    }, text)));
    rove(this.chips);
  }

  feedback() {
    const thumb = (value, label) => el('button', { type: 'button', class: 'thumb', 'aria-label': label, title: label, 'aria-pressed': 'false', 'data-value': value, onclick: () => this.rate(value) }, icon(value));
    return (this.thumbs = el('span', { class: 'thumbs' }, thumb('up', 'Good answer'), thumb('down', 'Bad answer')));
  }

  async rate(value) {
    const before = this.rating ?? null;
    const next = before === value ? null : value;
    this.rated(next);
    try { await this.page.connection.command('feedback.set', { message_id: this.id, value: next }).done; } catch (error) {
      this.rated(before);
      this.page.transcript.note('bad', `The feedback was not kept: ${error.message}`);
    }
  }

  rated(value) {
    this.rating = value;
    for (const thumb of this.thumbs?.children ?? []) thumb.setAttribute('aria-pressed', thumb.dataset.value === value);
  }

  offer(action) {
    this.buttons.hidden = false;
    const later = this.actions.find((other) => other.order > action.order);
    this.actions.push(action);
    this.buttons.insertBefore(action.root, later?.root ?? null);
    this.transcript.settle();
  }
}

// -------------------------------------------------------------------- actions

/** What an action does, in a sentence that follows “would”. */
function actionInWords(action) {
  switch (action.type) {
    case 'launch_agent': return action.message ? `open the agent with ${quoted(action.message.template)}` : 'open the agent';
    case 'launch_experience': return `start the ${words(action.kind ?? 'experience')} ${quoted(action.experience_id)}${action.start_step ? ` at its step ${quoted(action.start_step)}` : ''}`;
    case 'open_post': return `open the post ${quoted(action.post_id)}`;
    case 'navigate': return `go to ${action.url}${action.open_in === 'new_tab' ? ' in a new tab' : ''}`;
    case 'go_to_step': return { next: 'go to the next step', previous: 'go back to the last step visited', complete: 'complete the experience and close it' }[action.to] ?? `go to the step ${quoted(action.step_id)}`;
    case 'dismiss': return 'close the experience';
    case 'snooze': return `hide the experience for ${action.hours} h, at most ${action.up_to} times`;
    case 'run_js': return `call the handler ${quoted(action.handler)} of the page${action.args ? ` with ${JSON.stringify(action.args)}` : ''}`;
    case 'book_interview': return `open the booking page of ${words(action.provider)} at ${action.url}`;
    case 'automation_step': return `do step ${action.index + 1} of the automation ${quoted(action.automation_id)}: ${words(action.kind)} ${action.selector ?? action.value}`;
    case 'run_automation': return `run the automation ${quoted(action.name ?? action.automation_id)}`;
    default: return words(action.type);
  }
}

const ACTION_STATES = {
  __proto__: null, // looked up by names from the wire
  pending: '', claimed: 'In progress', succeeded: 'Done', failed: 'Failed', declined: 'Declined', blocked: 'Blocked', expired: 'Expired',
  unsupported: 'Described here, not run',
};

/** One requested action: claim it, do it once, report what came of it. */
class ActionButton {
  constructor(request, page) {
    Object.assign(this, { request, page, order: request.order ?? 0 });
    const { action } = request;
    this.url = action.type === 'navigate' ? safeUrl(action.url) : null;
    this.newTab = this.url && action.open_in === 'new_tab';
    const content = [icon(this.newTab ? 'new_tab' : action.type), request.label === action.url ? `Go to ${action.url}` : request.label];
    // Never a link: one could be followed without a claim, and after it was refused.
    this.button = el('button', { type: 'button', class: 'button action', title: `Would ${actionInWords(action)}`, onclick: () => this.run() }, content);
    this.note = el('span', { class: 'action-state', role: 'status' });
    this.line = el('div', { class: 'action-line' });
    this.root = el('div', { class: 'action-item' }, this.button, this.note, this.line);
    this.show(request.state);
  }

  show(state, code, detail) {
    this.state = state;
    this.root.dataset.state = state;
    this.button.disabled = state !== 'pending';
    const text = ACTION_STATES[state] ?? words(state);
    const because = state === 'unsupported' && code === 'no_runtime' ? '' : [code && words(code), detail].filter(Boolean).join(': ');
    this.note.textContent = [text, because].filter(Boolean).join(' · ');
    this.page.transcript.settle();
  }

  async run() {
    const { action_id: id, action } = this.request;
    const executed = memory.get('executed', []);
    if (this.state !== 'pending' || executed.includes(id)) return;
    this.show('claimed');
    try { await this.page.connection.command('action.claim', { action_id: id }).done; } catch (error) {
      return this.show({ action_expired: 'expired', action_unsupported: 'unsupported' }[error.code] ?? 'failed', error.code, error.message);
    }
    memory.set('executed', [...executed, id].slice(-200));
    if (!this.request.await_result) return; // the server tells how it ends
    const started = performance.now();
    let outcome;
    try { outcome = await this.execute(action); } catch (error) { outcome = { status: 'failed', code: error.code?.replace(/^(experience|post)_/, ''), detail: error.message }; }
    this.show(outcome.status, outcome.code, outcome.detail);
    this.page.connection.command('action.result', { action_id: id, ...outcome, duration_ms: Math.round(performance.now() - started) });
  }

  execute(action) {
    if (action.type === 'navigate') return this.navigate(action);
    if (action.type === 'open_post') return this.openPost(action);
    if (action.type === 'launch_experience') return this.describeExperience(action);
    if (action.type === 'automation_step') return this.step(action);
    this.line.replaceChildren(`On a page with a runtime this would ${actionInWords(action)}.`);
    return { status: 'unsupported', code: 'no_runtime' };
  }

  /** A new tab is opened once the claim is granted. Leaving would lose the bench, so the same tab asks first. */
  navigate({ url }) {
    if (!this.url) return { status: 'failed', code: 'url_not_allowed', detail: String(url) };
    if (this.newTab) {
      const tab = window.open('', '_blank'); // with `noopener` nobody would learn that it was blocked
      if (!tab) return { status: 'blocked', code: 'popup_blocked' };
      tab.opener = null;
      tab.location.replace(this.url.href);
      return { status: 'succeeded' };
    }
    return new Promise((resolve) => {
      const end = (outcome) => { clearTimeout(limit); this.line.replaceChildren(); resolve(outcome); };
      const limit = setTimeout(() => end({ status: 'declined', code: 'timeout' }), 25_000); // the server waits 30 s
      const go = link(this.url.href, 'Open it in a new tab');
      go.className = 'text-button';
      go.addEventListener('click', () => setTimeout(end, 0, { status: 'succeeded' }));
      this.line.replaceChildren('The page would now be left for ', el('code', {}, url), '. ', go, ' or ', el('button', { type: 'button', class: 'text-button', onclick: () => end({ status: 'declined' }) }, 'stay here'), '.');
      this.page.transcript.settle();
    });
  }

  /** One step of an automation on this page; it is never left, which would lose the bench. */
  async step({ kind, selector, value, timeout_ms: limit }) {
    const isHere = kind === 'navigate' && new URL(value, location.href).href.split('#')[0] === location.href.split('#')[0];
    if (isHere) return { status: 'succeeded' };
    if (!selector) return { status: 'unsupported', code: 'no_runtime' };
    const until = performance.now() + Math.min(limit, 10_000);
    let element = document.querySelector(selector);
    while (!element && performance.now() < until) {
      await new Promise((resolve) => { setTimeout(resolve, 100); });
      element = document.querySelector(selector);
    }
    if (!element) return { status: 'failed', code: 'element_missing', detail: selector };
    if (kind === 'click') element.click();
    if (kind === 'fill') {
      element.value = value;
      for (const type of ['input', 'change']) element.dispatchEvent(new Event(type, { bubbles: true }));
    }
    return { status: 'succeeded' };
  }

  async openPost({ post_id }) {
    const { title, body, cta } = await this.page.connection.command('post.get', { post_id }, 'post.content').done;
    showDialog('Post', title, markdown(body), buttonList(cta ? [cta] : []));
    return { status: 'succeeded' };
  }

  async describeExperience({ experience_id, start_step }) {
    const { name, kind, ...experience } = await this.page.connection.command('experience.get', { experience_id }, 'experience.content').done;
    showDialog(words(kind), name,
      el('p', { class: 'lead' }, `A page with the experience runtime would now show this${start_step ? `, from the step ${quoted(start_step)}` : ''}. Here it is described.`), experienceParts(experience));
    return { status: 'unsupported', code: 'no_runtime' };
  }
}

const markdown = (text) => showMarkdown(el('div', { class: 'prose' }), withoutMarkCharacters(text));

function buttonList(buttons) {
  if (!buttons.length) return null;
  return el('dl', { class: 'described-buttons' }, buttons.map(({ label, actions }) => [
    el('dt', {}, label),
    el('dd', {}, actions.map((action) => actionInWords(action)).join(', then ') || 'does nothing'),
  ]));
}

const questionInWords = ({ kind, scale, options, optional }) => [
  { nps: 'From 0 to 10', rating: `From 1 to ${scale}`, single: `One of: ${options?.join(', ')}`, multi: `Any of: ${options?.join(', ')}`, text: 'Free text' }[kind] ?? words(kind),
  optional && 'may be left empty',
].filter(Boolean).join(', ');

/** The steps, tasks or blocks of an experience, whatever its kind; fields without a place here follow as a tree. */
function experienceParts({ experience_id, steps, tasks, blocks, ...experience }) {
  const part = ({ id, title, body, target, question, buttons = [], cross = [], actions = [], ...other }, tag) => el(tag, {},
    tag === 'li' && el('h3', {}, title ?? question?.text ?? id, target && el('code', {}, target)),
    body && markdown(body),
    question && el('p', { class: 'muted' }, title && `${question.text} `, questionInWords(question)),
    buttonList([...buttons, ...(cross.length ? [{ label: 'Closing cross', actions: cross }] : []), ...(actions.length ? [{ label: 'On click', actions }] : [])]),
    others(other));
  const parts = steps ?? tasks ?? blocks ?? [];
  return [parts.length > 0 && el('ol', { class: 'described-steps' }, parts.map((each) => part(each, 'li'))), part(experience, 'div')];
}

function showDialog(kind, title, ...content) {
  const close = el('button', { type: 'button', class: 'button', onclick: () => dialog.close() }, 'Close');
  const dialog = el('dialog', { class: 'dialog', 'aria-labelledby': 'dialog-title', onclose: () => dialog.remove() },
    el('header', {}, el('p', { class: 'dialog-kind' }, sentence(kind)), el('h2', { id: 'dialog-title' }, title), close),
    el('div', { class: 'dialog-body', tabindex: 0 }, ...content.flat().filter(Boolean)));
  dialog.addEventListener('click', (event) => { if (event.target === dialog) dialog.close(); });
  document.body.append(dialog);
  dialog.showModal();
}

// ---------------------------------------------------------------------- trace

/** Any value as nested names and values: what no section knows is still shown. */
function tree(value, depth = 0) {
  if (!isObject(value)) return el('code', { class: `value ${value === null ? 'null' : typeof value}` }, typeof value === 'number' ? String(Number(value.toPrecision(6))) : String(value));
  const entries = Object.entries(value);
  if (!entries.length) return el('code', { class: 'value null' }, Array.isArray(value) ? 'empty list' : 'empty');
  if (depth > 10) return el('code', { class: 'value' }, JSON.stringify(value));
  return el('dl', { class: 'tree' }, entries.map(([name, child]) => el('div', { class: isObject(child) ? 'branch' : null }, el('dt', {}, name), el('dd', {}, tree(child, depth + 1)))));
}

const others = (fields) => (Object.keys(fields).length ? el('details', { class: 'more' }, el('summary', {}, 'Other fields'), tree(fields)) : null);

/** A bar from 0 to `most`, with a tick at the threshold. */
function bar(value, most = 1, threshold = undefined) {
  const percent = (amount) => `${Math.max(0, Math.min(100, (100 * amount) / (most || 1))).toFixed(1)}%`;
  const node = svg('svg', { class: 'score-bar', 'aria-hidden': 'true' }, svg('rect', { class: 'bar-track', width: '100%', height: '100%', rx: 2 }), svg('rect', { class: 'bar-fill', width: percent(value ?? 0), height: '100%', rx: 2 }));
  if (typeof threshold === 'number') node.append(svg('line', { class: 'bar-tick', x1: percent(threshold), x2: percent(threshold), y1: 0, y2: '100%' }));
  return node;
}

const badge = (text, tone = '') => el('span', { class: `badge ${tone}` }, words(text));
const fact = (name, value) => (value === undefined || value === null || value === '' ? null : [el('dt', {}, name), el('dd', {}, isObject(value) && !(value instanceof Node) ? tree(value) : value)]);
const facts = (...pairs) => el('dl', { class: 'facts' }, pairs);
const maximum = (list, field) => Math.max(0, ...list.map((entry) => Number(entry?.[field]) || 0));
const metric = (name, value, most, threshold) => (typeof value !== 'number' ? null : el('div', { class: 'metric' }, el('span', { class: 'metric-name' }, name), bar(value, most, threshold), el('span', { class: 'number' }, score(value))));

/** Gates and checks: name, passed or not, and why. */
const checklist = (checks) => el('ul', { class: 'checks' }, checks.map(({ name, passed, detail }) => el('li', { 'data-passed': String(passed) },
  el('span', { class: 'check-mark' }, passed ? 'pass' : 'fail'), el('span', {}, el('strong', {}, words(name)), ' ', inline(detail, () => null)))));

const TONES = { __proto__: null, matched: 'good', completed: 'good', near_tie: 'warn', chips: 'warn', no_answer: 'warn', cancelled: 'warn', interrupted: 'bad', failed: 'bad' };

const semanticFact = ({ used, reason }) => fact('Semantic', used ? null : `not compared: ${reason}`);

/** How each known part of a trace is shown: `[title, summary, ...content]`. */
const SECTIONS = {
  __proto__: null, // looked up by names from the wire
  input: ({ text, normalized, language, ...rest }) => ['Input', language, facts(fact('Compared as', normalized || text), Object.entries(rest).map(([name, value]) => fact(sentence(words(name)), value)))],

  intent: ({ outcome, threshold, min_margin: least, margin, semantic, candidates, ...rest }) => ['Custom Answers', badge(outcome, TONES[outcome]),
    facts(fact('Threshold', score(threshold)), margin !== undefined && fact('Margin', `${score(margin)} between the first two, at least ${score(least)} needed`), semanticFact(semantic)),
    candidates.length === 0 && el('p', { class: 'muted' }, 'No phrase came near.'),
    el('ol', { class: 'rows' }, candidates.map(({ answer_id: id, phrase, score: total, exact, lexical, semantic: cosine, gates, ...other }, at) => {
      const failed = gates.filter(({ passed }) => !passed).map(({ name }) => name);
      return el('li', {},
        el('div', { class: 'row-head' }, el('strong', {}, id), exact && badge('exact', 'good')),
        el('p', { class: 'phrase' }, quoted(phrase)),
        metric('score', total, 1, threshold),
        el('details', { class: 'more', open: at === 0 && outcome !== 'abstained' }, el('summary', {}, failed.length ? `Failed: ${failed.join(', ')}` : 'Every gate passed'),
          metric('lexical', lexical, 1), metric('semantic', cosine, 1), checklist(gates), others(other)));
    })), others(rest)],

  retrieval: ({ mode, semantic, confidence, passages, ...rest }) => ['Retrieval', [badge(mode), passages.length === 1 ? '1 passage' : `${passages.length} passages`],
    el('div', { class: 'row-head' }, el('strong', {}, 'Confidence'), badge(confidence.value >= confidence.threshold ? 'answers' : 'below threshold', confidence.value >= confidence.threshold ? 'good' : 'warn'), el('span', { class: 'muted' }, `at least ${score(confidence.threshold)}`)),
    metric('value', confidence.value, 1, confidence.threshold), facts(semanticFact(semantic)),
    el('ol', { class: 'rows' }, passages.map(({ article_id: id, title, heading_path: headings, lexical, semantic: cosine, fused, text, ...other }) => el('li', {},
      el('div', { class: 'row-head' }, el('strong', {}, title), el('code', {}, id)),
      headings.length > 0 && el('p', { class: 'muted' }, headings.join(' › ')),
      metric('fused', fused, maximum(passages, 'fused')),
      el('details', { class: 'more' }, el('summary', {}, 'Passage and scores'), metric('lexical', lexical, maximum(passages, 'lexical')), metric('semantic', cosine, 1), el('p', { class: 'passage' }, text), others(other))))), others(rest)],

  actions: (actions) => ['Actions', actions.length ? `${actions.filter(({ offered }) => offered).length} of ${actions.length} offered` : 'none',
    el('ol', { class: 'rows' }, actions.map(({ action, target, offered, checks, ...other }) => el('li', {},
      el('div', { class: 'row-head' }, el('strong', {}, sentence(words(action))), badge(offered ? 'offered' : 'withheld', offered ? 'good' : 'warn'), el('code', {}, target)),
      checklist(checks), others(other))))],

  timings: (timings) => ['Timings', duration(timings.reduce((sum, { micros }) => sum + micros, 0)),
    el('div', { class: 'timings' }, timings.map(({ step, micros }) => el('div', { class: 'metric' }, el('span', { class: 'metric-name' }, step), bar(micros, maximum(timings, 'micros')), el('span', { class: 'number' }, duration(micros)))))],
};

/** The trace of one turn at a time; follows the newest until another is chosen. */
class TracePanel {
  turns = [];
  closed = new Set(['run']);

  constructor() {
    this.root = byId('trace');
    this.select = byId('turn');
    this.select.addEventListener('change', () => this.choose(this.turns[this.select.selectedIndex]));
    this.show();
  }

  clear() { this.turns = []; this.chosen = undefined; this.select.replaceChildren(); this.show(); }

  add(turn) {
    const following = this.chosen === this.turns.at(-1);
    this.turns.push(turn);
    this.select.append(el('option', {}, `${this.turns.length}. ${turn.label.slice(0, 80)}`));
    if (following) this.choose(turn);
  }

  choose(turn) {
    this.chosen = turn;
    this.select.selectedIndex = this.turns.indexOf(turn);
    this.show();
    byId('panel-trace').scrollTop = 0;
  }

  changed(turn) { if (turn === this.chosen) this.show(); }

  show() {
    const turn = this.chosen;
    byId('turns').hidden = !turn;
    if (!turn) return this.root.replaceChildren(el('p', { class: 'empty' }, 'Every turn leaves its trace here: which phrases and passages were weighed, why an action was offered, and how long each step took.'));
    const { kind, outcome, answer_id: answer, degraded, ...rest } = turn.finished ?? {};
    this.root.replaceChildren(
      el('div', { class: 'verdict' },
        turn.finished ? [badge(outcome, TONES[outcome]), kind && badge(kind, TONES[kind]), answer && el('code', {}, answer), degraded && badge('degraded', 'warn')] : badge('running'),
        turn.firstText && el('span', { class: 'muted' }, `first text after ${milliseconds(turn.firstText)}`)),
      ...(turn.trace ? this.sections(turn.trace) : [el('p', { class: 'empty' }, turn.finished ? 'No trace came for this turn. It is sent once, while the turn is live.' : 'The trace comes when the turn has finished.')]),
      this.section('run', ['Run', words(turn.trigger ?? ''), facts(fact('Id', el('code', {}, turn.id)), fact('Knowledge', turn.trace?.knowledge_version && `version ${turn.trace.knowledge_version}`), Object.entries(rest).map(([name, value]) => fact(sentence(words(name)), value)))]));
  }

  /** The known parts in their order, then the unknown ones, so that nothing is hidden. */
  sections({ knowledge_version, ...trace }) {
    const names = [...Object.keys(SECTIONS), ...Object.keys(trace).filter((name) => !(name in SECTIONS))].filter((name) => isObject(trace[name]));
    return names.map((name) => {
      let content;
      try { content = SECTIONS[name]?.(trace[name]); } catch { /* not of the shape we know */ }
      return this.section(name, content ?? [sentence(words(name)), '', tree(trace[name])]);
    });
  }

  section(name, [title, summary, ...content]) {
    const node = el('details', { class: 'section', open: !this.closed.has(name) }, el('summary', {}, el('h3', {}, title), el('span', { class: 'section-summary' }, [summary])), el('div', { class: 'section-body' }, ...content.filter(Boolean)));
    node.addEventListener('toggle', () => (node.open ? this.closed.delete(name) : this.closed.add(name)));
    return node;
  }
}

// ---------------------------------------------------------- attribute editors

/** Attributes as rows of key and value, or as JSON. A value that reads as JSON is one; any other is text. */
class AttributeEditor {
  static count = 0;

  constructor(root, legend, hint, attributes = {}) {
    const id = `attributes-${AttributeEditor.count++}`;
    this.rows = el('div', { class: 'attribute-rows' });
    this.json = el('textarea', { rows: 6, spellcheck: 'false', class: 'code', 'aria-label': `${legend} as JSON`, hidden: true });
    this.toggle = el('button', { type: 'button', class: 'text-button', onclick: () => this.switchMode() }, 'Edit as JSON');
    this.adder = el('button', { type: 'button', class: 'text-button', onclick: () => this.addRow('', '').querySelector('input').focus() }, 'Add attribute');
    this.problem = el('p', { class: 'outcome bad', role: 'alert' });
    root.setAttribute('role', 'group');
    root.setAttribute('aria-labelledby', id);
    root.append(el('div', { class: 'field-head' }, el('span', { id, class: 'label' }, legend), this.toggle), this.rows, this.json, this.adder, el('p', { class: 'hint' }, hint), this.problem);
    this.fill(attributes);
  }

  fill(attributes) {
    this.rows.replaceChildren();
    for (const [key, value] of Object.entries(attributes)) this.addRow(key, this.asText(value));
    if (!this.rows.children.length) this.addRow('', '');
  }

  /** Text that would read as JSON is quoted, so that it comes back as text. */
  asText(value) {
    return typeof value === 'string' && this.asValue(value) === value ? value : JSON.stringify(value);
  }

  asValue(text) {
    if (!/^(-?\d|true$|false$|null$|[[{"])/.test(text.trim())) return text;
    try { return JSON.parse(text); } catch { return text; }
  }

  addRow(key, value) {
    const row = el('div', { class: 'attribute-row' },
      el('input', { type: 'text', 'aria-label': 'Attribute', placeholder: 'Name', value: key, autocomplete: 'off', spellcheck: 'false' }),
      el('input', { type: 'text', 'aria-label': 'Value', placeholder: 'Value', value, autocomplete: 'off' }),
      el('button', { type: 'button', class: 'text-button', 'aria-label': 'Remove attribute', onclick: () => { row.remove(); this.adder.focus(); } }, 'Remove'));
    this.rows.append(row);
    return row;
  }

  switchMode() {
    const attributes = this.read();
    if (!attributes) return;
    const toJson = this.json.hidden;
    this.json.hidden = !toJson;
    this.rows.hidden = this.adder.hidden = toJson;
    this.toggle.textContent = toJson ? 'Edit as rows' : 'Edit as JSON';
    if (toJson) this.json.value = JSON.stringify(attributes, null, 2);
    else this.fill(attributes);
  }

  /** The attributes, or null with the problem said beside them. */
  read() {
    this.problem.textContent = '';
    if (this.json.hidden) {
      const rows = [...this.rows.children].map((row) => [...row.querySelectorAll('input')].map((input) => input.value));
      return Object.fromEntries(rows.filter(([key]) => key.trim()).map(([key, value]) => [key.trim(), this.asValue(value)]));
    }
    try {
      const attributes = JSON.parse(this.json.value.trim() || '{}');
      if (!isObject(attributes) || Array.isArray(attributes)) throw new Error('an object is needed: {"user.name": "Ada"}');
      return attributes;
    } catch (error) {
      this.problem.textContent = `Not valid: ${error.message}`;
      this.json.focus();
      return null;
    }
  }
}

// ----------------------------------------------------------------------- page

/** Joins the parts: frames become messages, the forms become commands. */
class Page {
  agent = { name: 'Docent', suggestions: [] };
  transcript = new Transcript(byId('transcript'), byId('jump'));
  trace = new TracePanel();
  input = byId('composer-text');
  announcer = byId('announcer');

  constructor() {
    this.forget();
    this.connection = new Connection({ hello: () => this.hello(), receive: (frame, live) => this.receive(frame, live), report: (state, detail) => this.report(state, detail) });
    this.launchAttributes = new AttributeEditor(byId('launch-attributes'), 'Attributes', 'For this launch only. Numbers, true, false and JSON keep their type.', memory.get('launch', {}));
    this.contextAttributes = new AttributeEditor(byId('context-attributes'), 'User attributes', 'Kept for this tab, and sent again after every connection.', context.attributes);
    this.wireComposer();
    this.wireTabs();
    this.wireForms();
    this.connection.open();
  }

  hello() {
    return {
      project_key: 'local',
      anonymous_id: memory.get('anonymous_id') ?? memory.set('anonymous_id', `anon-${uuid4()}`),
      client_id: memory.get('client_id') ?? memory.set('client_id', ulid()),
      client: { name: 'try-it', version: VERSION },
      capabilities: { actions: ACTION_TYPES, features: ['trace'] },
      locale: navigator.language,
      page: { url: context.url, title: context.title },
      attributes: context.attributes,
    };
  }

  forget() {
    Object.assign(this, { messages: new Map(), actions: new Map(), runs: new Map(), unmatched: [], run: undefined });
  }

  // -- frames

  receive({ type, data, ref }, live) {
    const handlers = {
      __proto__: null,
      welcome: () => this.welcomed(data),
      'conversation.entered': () => this.begin(),
      'launch.resolved': () => this.launched(data, live, ref),
      'run.started': () => this.runStarted(data, live),
      'run.status': () => this.runStatus(data),
      'run.finished': () => this.runFinished(data, live),
      'run.trace': () => { const turn = this.turn(data.run_id); turn.trace = data.trace; this.trace.changed(turn); },
      'message.started': () => this.message(data),
      'message.delta': () => this.message(data).append(data.delta, data.cites),
      'conversation.snapshot': () => this.replaced(data),
      'message.completed': () => this.messageCompleted(data, live, ref),
      'message.feedback': () => this.messages.get(data.message_id)?.rated?.(data.value ?? null),
      'citation.added': () => this.message(data).cite(data),
      'action.requested': () => this.actionRequested(data, live),
      'action.updated': () => this.actions.get(data.action_id)?.show(data.state, data.code, data.detail),
      error: () => this.transcript.note('bad', data.message || words(data.code)),
    };
    handlers[type]?.(); // types of later versions are ignored
  }

  welcomed({ agent, limits, moved }) {
    this.agent = agent;
    this.input.maxLength = limits.text_chars;
    if (moved && this.messages.size + this.runs.size > 0) {
      if (this.run) this.runFinished({ run_id: this.run.id, outcome: 'interrupted' }, false);
      const unsent = this.unmatched.filter(({ commandId }) => this.connection.outbox.some(({ id }) => id === commandId));
      this.forget();
      for (const control of this.transcript.root.querySelectorAll('.actions, .chips, .thumbs')) control.remove(); // the server knows them no more
      this.transcript.note('', 'The server no longer holds the conversation above. A new one begins here.');
      for (const message of (this.unmatched = unsent)) this.transcript.add(message.root);
    }
    if (!this.transcript.root.children.length || this.emptyState?.isConnected) this.welcomeEmpty();
    this.sendState();
  }

  /** The whole conversation, instead of what is shown. */
  replaced({ messages, pending_actions: actions }) {
    if (this.run) this.runFinished({ run_id: this.run.id, outcome: 'interrupted' }, false);
    this.forget();
    this.transcript.clear();
    for (const message of messages) this.messageCompleted(message, false);
    for (const action of actions) this.actionRequested(action);
    if (messages.length === 0) this.welcomeEmpty();
  }

  begin() { this.forget(); this.transcript.clear(); this.trace.clear(); this.welcomeEmpty(); }

  welcomeEmpty() {
    const { name, greeting, suggestions } = this.agent;
    this.emptyState?.remove();
    this.emptyState = this.transcript.add(el('div', { class: 'first' },
      el('h2', {}, name), el('div', { class: 'prose' }, greeting ? markdown(greeting) : 'Ask a question as an end user would. The trace of each turn appears beside the conversation.'),
      rove(el('div', { class: 'chips', role: 'group', 'aria-label': 'Suggestions' }, suggestions.map((text) => el('button', { type: 'button', class: 'chip', onclick: () => this.ask(text) }, text))))));
  }

  launched({ text, mode, missing_attributes: missing, message_id: id }, live, ref) {
    if (mode === 'send') this.echo(text, id, ref);
    else if (mode === 'prefill' && live) {
      this.input.value = text;
      this.input.focus();
    }
    const names = missing.join(', ');
    if (names) this.transcript.note('warn', `Launched without ${missing.length === 1 ? 'the attribute' : 'the attributes'} ${names}.`);
    if (live) byId('launch-outcome').textContent = { send: 'Sent.', prefill: 'Put into the message box.', open: 'Opened.' }[mode] + (names && ` Missing: ${names}.`);
  }

  // -- runs

  /** The turn of a run; a trace may come before or after the rest. */
  turn(id, trigger = undefined) {
    if (!this.runs.has(id)) {
      this.runs.set(id, { id, trigger, label: this.lastUserText ?? 'Turn', startedAt: performance.now() });
      this.trace.add(this.runs.get(id));
    }
    return this.runs.get(id);
  }

  runStarted({ run_id: id, trigger }, live) {
    const run = (this.run = this.turn(id, trigger));
    run.live = live;
    run.line = this.transcript.add(el('p', { class: 'phase' }, 'Reading the question'));
    if (live) this.announcer.textContent = `${this.agent.name} is answering`;
    this.sendState();
  }

  runStatus({ phase, run_id: id }) {
    const line = (this.runs.get(id) ?? this.run)?.line;
    if (line) line.textContent = { retrieving: 'Searching the knowledge', answering: 'Writing the answer', waiting_action: 'Waiting for an action' }[phase] ?? words(phase);
  }

  runFinished({ run_id: id, ...finished }, live) {
    const run = this.turn(id);
    run.finished = finished;
    const { outcome, error } = finished;
    const because = error ? ` ${error.message}` : '';
    const text = { failed: `The answer failed.${because}`, interrupted: 'The answer was interrupted, and is not complete.', cancelled: 'The answer was stopped.' }[outcome];
    const ending = text && el('p', { class: `note ${outcome === 'cancelled' ? '' : 'bad'}` }, text, ' ', el('button', { type: 'button', class: 'text-button', onclick: () => this.ask(run.label) }, 'Ask again'));
    if (run.line?.isConnected) run.line.replaceWith(...(ending ? [ending] : []));
    else if (ending) this.transcript.add(ending);
    if (this.run === run) this.run = undefined;
    this.trace.changed(run);
    this.transcript.settle();
    if (live && ending) this.announce(ending.firstChild.textContent);
    this.sendState();
  }

  // -- messages

  message({ message_id: id }) {
    let message = this.messages.get(id);
    if (!message) {
      message = new AgentMessage(id, this.transcript, this);
      this.messages.set(id, message);
      this.emptyState?.remove();
      this.transcript.add(message.root, this.run?.line?.isConnected ? this.run.line : null);
      if (this.run?.live) this.run.firstText = performance.now() - this.run.startedAt;
      message.turn = this.run;
    }
    return message;
  }

  messageCompleted(data, live, ref) {
    if (data.role === 'user') return this.echo(data.text, data.message_id, ref);
    const message = this.message(data);
    message.complete(data);
    if (message.turn && !message.traceLink) {
      message.traceLink = el('button', { type: 'button', class: 'text-button', onclick: () => { this.chooseTab('trace'); this.trace.choose(message.turn); } }, 'Trace');
      message.foot.append(message.traceLink);
    }
    if (live) this.announce(message.body.textContent.replace(/\[\d+\]/g, ''));
  }

  announce(text) {
    this.announced = [this.announced, text].filter(Boolean).join(' ');
    this.announcer.textContent = this.announced;
    clearTimeout(this.quiet);
    this.quiet = setTimeout(() => { this.announced = ''; this.announcer.textContent = ''; }, 10_000);
  }

  userMessage(text, id) {
    const message = new UserMessage(text);
    this.emptyState?.remove();
    this.transcript.add(message.root);
    this.lastUserText = message.text;
    if (id) this.messages.set(id, message);
    else this.unmatched.push(message);
    return message;
  }

  /** The server's copy of a user's message belongs to the one already shown, if there is one. */
  echo(text, id, ref) {
    if (id && this.messages.has(id)) return this.messages.get(id);
    const at = Math.max(this.unmatched.findIndex((message) => ref && message.commandId === ref), this.unmatched.findIndex((message) => message.text.trim() === text.trim()));
    if (at < 0) return this.userMessage(text, id);
    const message = id ? this.unmatched.splice(at, 1)[0] : this.unmatched[at];
    if (id) this.messages.set(id, message);
    message.state();
    return message;
  }

  /** Asks as the user; false while there is nothing to ask or another answer is running. */
  ask(text, quickReply = undefined) {
    if (!text.trim() || this.run) return false;
    const message = this.userMessage(text);
    this.transcript.follow();
    this.deliver(message, quickReply);
    return true;
  }

  async deliver(message, quickReply) {
    message.state(this.connection.ready ? '' : 'Waiting for the connection');
    const data = { conversation_id: this.connection.cursor?.conversation_id, text: message.text, ...(quickReply && { quick_reply_id: quickReply }) };
    const { id, done } = this.connection.command('message.send', data);
    message.commandId = id;
    try {
      await done;
      message.state();
    } catch (error) {
      message.state(`Not sent: ${error.message}`, () => this.deliver(message, quickReply));
      this.announce(`Not sent: ${error.message}`);
    }
  }

  actionRequested(request, live) {
    const button = new ActionButton(request, this);
    this.actions.set(request.action_id, button);
    if (request.message_id) this.message(request).offer(button);
    else this.transcript.add(button.root);
    if (live && request.execution === 'auto' && request.target_client_id === memory.get('client_id')) button.run();
  }

  // -- controls

  report(state, detail = '') {
    const name = { connecting: 'Connecting', online: 'Connected', waiting: 'Reconnecting', stopped: 'Disconnected' }[state];
    byId('connection').dataset.state = state;
    byId('connection-text').textContent = state === 'stopped' ? detail : name;
    byId('connection').title = detail;
    const retry = byId('connection-retry');
    retry.hidden = !['waiting', 'stopped'].includes(state);
    retry.textContent = state === 'stopped' ? 'Connect again' : 'Connect now';
  }

  sendState() { byId('send').disabled = Boolean(this.run); }

  wireComposer() {
    const submit = () => { if (this.ask(this.input.value)) this.input.value = ''; };
    byId('composer').addEventListener('submit', (event) => { event.preventDefault(); submit(); this.input.focus(); });
    this.input.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
      event.preventDefault();
      submit();
    });
    byId('connection-retry').addEventListener('click', () => this.connection.open());
    byId('new-conversation').addEventListener('click', () => { this.begin(); this.connection.restart(); this.input.focus(); });
  }

  wireTabs() {
    const tabs = document.querySelector('.tabs');
    rove(tabs, (tab) => this.chooseTab(tab.id.slice(4)));
    tabs.addEventListener('click', (event) => { const tab = event.target.closest('[role=tab]'); if (tab) this.chooseTab(tab.id.slice(4)); });
  }

  chooseTab(name) {
    for (const tab of document.querySelectorAll('[role=tab]')) {
      const chosen = tab.id === `tab-${name}`;
      tab.setAttribute('aria-selected', chosen);
      tab.tabIndex = chosen ? 0 : -1;
      byId(tab.getAttribute('aria-controls')).hidden = !chosen;
    }
    if (matchMedia('(max-width: 56rem)').matches) document.querySelector('.tabs').scrollIntoView({ block: 'start' });
  }

  wireForms() {
    byId('page-url').value = context.url;
    byId('page-title').value = context.title;
    byId('launch-form').addEventListener('submit', (event) => { event.preventDefault(); this.launch(new FormData(event.currentTarget)); });
    byId('context-form').addEventListener('submit', (event) => { event.preventDefault(); this.updateContext(); });
  }

  async launch(form) {
    const attributes = this.launchAttributes.read();
    const outcome = byId('launch-outcome');
    if (!attributes) return;
    memory.set('launch', attributes);
    outcome.textContent = this.connection.ready ? '' : 'Waiting for the connection.';
    this.transcript.follow();
    const data = { message: { template: byId('launch-template').value }, mode: form.get('mode'), attributes, source: { kind: 'sdk' }, conversation: form.get('conversation') };
    try { await this.connection.command('agent.launch', data).done; } catch (error) { outcome.textContent = `Not launched: ${error.message}`; }
  }

  async updateContext() {
    const attributes = this.contextAttributes.read();
    const outcome = byId('context-outcome');
    if (!attributes) return;
    const update = { url: byId('page-url').value, title: byId('page-title').value, attributes };
    const removed = Object.keys(context.attributes).filter((name) => !(name in attributes)).map((name) => [name, null]);
    const data = { page: { url: update.url, title: update.title }, attributes: { ...Object.fromEntries(removed), ...attributes } };
    outcome.textContent = this.connection.ready ? '' : 'Waiting for the connection.';
    try {
      await this.connection.command('context.update', data).done;
      memory.set('context', Object.assign(context, update)); // what the server refuses must not be in the next greeting
      outcome.textContent = 'Updated.';
    } catch (error) { outcome.textContent = `Not updated: ${error.message}`; }
  }
}

new Page();
