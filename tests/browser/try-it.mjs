/**
 * Checks of the try-it page against the real server.
 *
 * Between the browser and the server lies a line that can be cut: that is how connections are lost here,
 * and how a server that starts again is found at the same address. Nothing waits for a span of time.
 */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { createServer, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PATIENCE = 10_000;
const CHROMIUM_FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

// ------------------------------------------------------------ server and line

/** Starts the server with a project; resolves when it says where it listens. */
async function serve(folder) {
  const process = spawn(globalThis.process.env.DOCENT, ['serve', '--listen', '127.0.0.1:0', '--knowledge', join(folder, 'knowledge')], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  const said = [];
  const ended = new Promise((resolve) => process.once('exit', resolve));
  const port = await new Promise((resolve, reject) => {
    process.once('error', reject);
    process.once('exit', () => reject(new Error(`the server ended: ${said.join('\n')}`)));
    createInterface(process.stderr).on('line', (line) => {
      said.push(line);
      const address = /http:\/\/127\.0\.0\.1:(\d+)\//.exec(line);
      if (address) resolve(Number(address[1]));
    });
  });
  return { port, kill: () => { process.kill('SIGKILL'); return ended; } };
}

/** A port that leads to a server, until it is cut or led elsewhere. */
async function line(to) {
  const open = new Set();
  const listener = createServer((near) => {
    const far = connect(self.to, '127.0.0.1');
    for (const [one, other] of [[near, far], [far, near]]) {
      open.add(one);
      one.on('error', () => {}).on('close', () => { open.delete(one); other.destroy(); });
      one.pipe(other);
    }
  });
  const self = {
    to,
    cut: () => open.forEach((socket) => socket.destroy()),
    close: () => { self.cut(); listener.close(); },
  };
  await new Promise((resolve) => listener.listen(0, '127.0.0.1', resolve));
  self.url = `http://127.0.0.1:${listener.address().port}/`;
  return self;
}

// -------------------------------------------------------------------- browser

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: CHROMIUM_FLAGS });
const problems = [];
const tellsOfCut = /WebSocket connection to .* failed/;

/** A tab of a new user, with what a user does in it. */
async function tab(url, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, colorScheme: 'light', ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  const frames = [];
  const waiting = new Set();
  const heard = (by) => ({ payload }) => {
    for (const frame of [JSON.parse(payload)].flat()) frames.push({ by, ...frame });
    for (const look of waiting) look();
  };
  page.on('websocket', (socket) => socket.on('framesent', heard('page')).on('framereceived', heard('server')));
  page.on('console', (message) => { if (['error', 'warning'].includes(message.type()) && !tellsOfCut.test(message.text())) problems.push(message.text()); });
  page.on('pageerror', (error) => problems.push(error.stack));
  page.on('request', (request) => { if (!request.url().startsWith(url) && !request.url().startsWith('data:')) problems.push(`a request to ${request.url()}`); });
  await page.goto(url);
  await page.locator('[data-state=online]').waitFor();

  const self = {
    page,
    frames,
    ofType: (type) => frames.filter((frame) => frame.type === type),
    /** The first frame after the first `after` ones that `test` accepts. */
    frame: (test, after = 0) => new Promise((resolve, reject) => {
      const look = () => {
        const found = frames.slice(after).find(test);
        if (found) { clearTimeout(limit); waiting.delete(look); resolve(found); }
      };
      const limit = setTimeout(() => { waiting.delete(look); reject(new Error(`no such frame: ${test}`)); }, PATIENCE);
      waiting.add(look);
      look();
    }),
    /** Does something that starts a run; resolves with the answer when it is shown whole. */
    answerTo: async (act) => {
      const after = frames.length;
      await act();
      const { data } = await self.frame(({ type }) => type === 'run.finished', after);
      await page.waitForFunction(() => !document.querySelector('.phase') && !document.querySelector('#send').disabled);
      const answers = page.locator('.message.agent');
      const answer = answers.nth((await answers.count()) - 1);
      return { answer, text: await answer.locator('.prose').innerText(), finished: data };
    },
    ask: (question) => self.answerTo(async () => {
      await page.fill('#composer-text', question);
      await page.press('#composer-text', 'Enter');
    }),
    launch: async (template, mode) => {
      await page.click('#tab-launch');
      await page.fill('#launch-template', template);
      await page.check(`[name=mode][value=${mode}]`);
      await page.click('#launch-form [type=submit]');
    },
    update: async (attributes, outcome = 'Updated') => {
      await page.click('#tab-context');
      const editor = page.locator('#context-attributes');
      if (await editor.locator('textarea').isHidden()) await editor.getByText('Edit as JSON').click();
      await editor.locator('textarea').fill(JSON.stringify(attributes));
      await page.locator('#context-outcome').evaluate((node) => node.replaceChildren());
      await page.click('#context-form [type=submit]');
      await page.locator('#context-outcome', { hasText: outcome }).waitFor();
    },
    texts: (selector) => page.locator(selector).allInnerTexts(),
    close: () => context.close(),
  };
  return self;
}

// --------------------------------------------------------------------- checks

let passed = 0;
let failed = 0;

/** One check in a tab of its own. */
async function check(name, of, act, options) {
  let user;
  try {
    user = await tab(of.url, options);
    await act(user, user.page);
    passed += 1;
    console.log(`ok      ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${name}\n        ${String(error.message).split('\n').slice(0, 12).join('\n        ')}`);
  } finally {
    await user?.close();
  }
}

/** Text whose contrast with what lies behind it is below 4.5, or 3 when it is large. */
const tooFaint = () => {
  const canvas = Object.assign(document.createElement('canvas'), { width: 1, height: 1 }).getContext('2d', { willReadFrequently: true });
  const painted = (colors) => {
    for (const color of colors) { canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1); }
    return [...canvas.getImageData(0, 0, 1, 1).data.slice(0, 3)];
  };
  const luminance = (rgb) => rgb.map((part) => part / 255).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)).reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
  const faint = [];
  for (const element of document.querySelectorAll('body *')) {
    const shows = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    if (!shows || !element.checkVisibility() || element.closest('.unseen, .skip, :disabled, svg')) continue;
    const behind = ['white'];
    for (let at = element, place = behind.length; at; at = at.parentElement) behind.splice(place, 0, getComputedStyle(at).backgroundColor);
    const { color, fontSize } = getComputedStyle(element);
    const [low, high] = [painted(behind), painted([...behind, color])].map(luminance).sort((one, other) => one - other);
    const contrast = (high + 0.05) / (low + 0.05);
    if (contrast < (Number.parseFloat(fontSize) >= 24 ? 3 : 4.5)) faint.push(`${contrast.toFixed(2)}: ${element.className || element.tagName} "${element.textContent.trim().slice(0, 40)}"`);
  }
  return faint;
};

const ANSWERED = 'how do I enable run_js';
const CITED = 'does an environment variable win over docent.toml';
const AMBIGUOUS = 'JavaScript in project.yaml';
const SHOWN_POST = "what's new";
const SHOWN_TOUR = 'show me around';

async function checks(docent, restart) {
  await check('the first visit: name, greeting and questions to begin with', docent, async ({ texts, answerTo, page }) => {
    assert.deepEqual(await texts('.first h2'), ['Docent']);
    assert.ok((await texts('.first .chip')).length > 0, 'questions to begin with');
    const { text } = await answerTo(() => page.locator('.first .chip').first().click());
    assert.ok(text.length > 20, text);
    assert.equal(await page.locator('.first').count(), 0);
  });

  await check('a Custom Answer: its words, its action, and the trace that says why', docent, async ({ ask, texts, page }) => {
    const { text, answer, finished } = await ask(ANSWERED);
    assert.equal(finished.kind, 'custom_answer');
    assert.match(text, /Text is never run as code/);
    assert.equal(await answer.locator('.action').count(), 1);
    assert.deepEqual(await texts('.message.user .message-text'), [ANSWERED]);
    await page.locator('#trace .badge', { hasText: 'matched' }).waitFor();
    assert.match(await page.locator('#trace').innerText(), /enable-run-js[\s\S]*exact[\s\S]*1 of 1 offered[\s\S]*check actions/);
  });

  await check('an answer from articles: a mark in the text leads to its source', docent, async ({ ask, page }) => {
    const { answer, finished } = await ask(CITED);
    assert.equal(finished.kind, 'knowledge');
    await answer.locator('.prose .cite').first().click();
    await page.waitForFunction(() => document.activeElement.closest('.sources li'));
    const source = answer.locator('.sources a').first();
    assert.match(await source.getAttribute('href'), /\/articles\/operations\/configuration/);
    assert.equal((await page.request.get(await source.getAttribute('href'))).status(), 200);
  });

  await check('a near tie asks back, and a chip settles it', docent, async ({ ask, answerTo, ofType }) => {
    const { answer, finished } = await ask(AMBIGUOUS);
    assert.equal(finished.kind, 'chips');
    const chips = answer.locator('.chip');
    assert.equal(await chips.count(), 2);
    const settled = await answerTo(() => chips.first().click());
    assert.equal(settled.finished.kind, 'custom_answer');
    assert.ok(ofType('message.send').at(-1).data.quick_reply_id, 'the chip is named');
    assert.equal(await chips.first().getAttribute('aria-pressed'), 'true');
  });

  await check('a question beside the subject gets no answer, and no source', docent, async ({ ask, texts }) => {
    const { answer, finished } = await ask('what is the capital of France');
    assert.equal(finished.kind, 'no_answer');
    assert.equal(await answer.locator('.cite').count(), 0);
    assert.ok((await texts('#trace .badge')).includes('no answer'));
  });

  await check('a launch: attributes, a fallback, and what is missing, in each mode', docent, async ({ launch, update, answerTo, page, texts }) => {
    const outcome = (text) => page.locator('#launch-outcome', { hasText: text }).waitFor();
    const sent = await answerTo(() => launch('How do I write a {{subject|tour}}?', 'send'));
    assert.deepEqual(await texts('.message.user .message-text'), ['How do I write a tour?']);
    assert.equal(sent.finished.kind, 'knowledge');
    assert.match((await texts('.note.warn')).join(), /without the attribute subject/);
    await outcome('Missing: subject');
    await update({ 'user.name': 'Ada' });
    await launch('{{user.name|friend}}, how do I start?', 'prefill');
    await outcome('Put into the message box');
    assert.equal(await page.inputValue('#composer-text'), 'Ada, how do I start?');
    await update({});
    await launch('{{user.name|friend}}, how do I start?', 'prefill');
    await outcome('Missing: user.name');
    assert.equal(await page.inputValue('#composer-text'), 'friend, how do I start?');
    await launch('Only {{plan}} opens', 'open');
    await outcome('Opened. Missing: plan');
    assert.equal(await page.locator('.message.user').count(), 1);
  });

  await check('what is said of the user outlives a connection, and what is refused is not kept', docent, async ({ launch, update, frame, frames, page }) => {
    await update({ 'user.name': 'Ada' });
    await update({ 'a name with spaces': 1 }, 'Not updated');
    const after = frames.length;
    docent.cut();
    await frame(({ type }) => type === 'welcome', after);
    await launch('{{user.name|friend}}', 'prefill');
    await page.locator('#launch-outcome', { hasText: 'Put into the message box.' }).waitFor();
    assert.equal(await page.inputValue('#composer-text'), 'Ada');
  });

  await check('an action is claimed, done once, and reported', docent, async ({ ask, frame, frames, ofType, page }) => {
    const { answer } = await ask(ANSWERED);
    await answer.locator('.action').click();
    await answer.getByText('stay here').click();
    const { id } = await frame(({ type }) => type === 'action.result');
    await frame(({ type, ref }) => type === 'ack' && ref === id);
    assert.deepEqual(frames.filter(({ type }) => /^action\.(claim|result)$/.test(type)).map(({ type, data }) => [type, data.status]), [['action.claim', undefined], ['action.result', 'declined']]);
    await answer.locator('[data-state=declined]').waitFor();
    assert.ok(await answer.locator('.action').isDisabled());
    await page.reload();
    await page.locator('[data-state=declined]').waitFor();
    assert.equal(ofType('action.claim').length, 1);
  });

  await check('an automation asks for what it needs, and is done step by step', docent, async ({ ask, frame, frames, page }) => {
    const { answer } = await ask('I want to test how the agent would answer a certain question');
    await answer.locator('.action').click();
    await page.locator('.message.agent .prose').getByText('Which question should I try?').waitFor();
    await ask(CITED);
    await frame(({ type, data }) => type === 'automation.updated' && data.state === 'succeeded');
    const steps = frames.filter(({ type, data }) => type === 'action.requested' && data.action.type === 'automation_step');
    assert.deepEqual(steps.map(({ data }) => data.action.kind), ['navigate', 'wait_for', 'fill', 'click']);
    const sent = frames.filter(({ type, data }) => type === 'message.send' && data.text === CITED);
    assert.equal(sent.length, 2, 'once as the answer, once by the last step');
  });

  await check('a page that opens in a new tab opens there', docent, async ({ ask, frame, page }) => {
    const { answer } = await ask('where is the json schema');
    assert.equal(await answer.locator('.action-item a').count(), 0, 'nothing leads there without a claim');
    const [opened] = await Promise.all([page.context().waitForEvent('page'), answer.locator('.action').click()]);
    await opened.waitForURL(/\/v1\/schema\.json$/);
    assert.equal(await opened.evaluate(() => window.opener), null);
    const { data } = await frame(({ type }) => type === 'action.result');
    assert.equal(data.status, 'succeeded');
  });

  await check('a post opens in a dialog, which Escape closes', docent, async ({ ask, page }) => {
    const { answer } = await ask(SHOWN_POST);
    await answer.locator('.action').click();
    await page.locator('dialog[open] .prose li').first().waitFor();
    assert.equal((await answer.locator('.action').innerText()).trim(), (await page.locator('dialog h2').innerText()).trim());
    await page.keyboard.press('Escape');
    await page.locator('dialog').waitFor({ state: 'detached' });
    await answer.locator('[data-state=succeeded]').waitFor();
  });

  await check('an experience is described, and said not to have run', docent, async ({ ask, frame, page }) => {
    const { answer } = await ask(SHOWN_TOUR);
    await answer.locator('.action').first().click();
    await page.locator('dialog[open]').waitFor();
    assert.equal(await page.locator('.described-steps > li').count(), 4);
    const { data } = await frame(({ type }) => type === 'action.result');
    assert.deepEqual([data.status, data.code], ['unsupported', 'no_runtime']);
  });

  await check('a judgement is set and taken back', docent, async ({ ask, frame, frames }) => {
    const { answer } = await ask(ANSWERED);
    for (const value of ['up', null]) {
      const after = frames.length;
      await answer.locator('[data-value=up]').click();
      await frame(({ type, data }) => type === 'message.feedback' && data.value === value, after);
      assert.equal(await answer.locator('[data-value=up]').getAttribute('aria-pressed'), String(value === 'up'));
    }
  });

  await check('a lost connection: nothing lost, nothing twice', docent, async ({ ask, frame, frames, texts, page }) => {
    await ask(CITED);
    const before = await texts('.message');
    const after = frames.length;
    docent.cut();
    const { data } = await frame(({ type }) => type === 'welcome', after);
    assert.equal(data.resumed, true);
    await page.locator('[data-state=online]').waitFor();
    assert.deepEqual(await texts('.message'), before);
    await ask(ANSWERED);
    assert.equal(await page.locator('.message.user').count(), 2);
    await page.reload();
    await page.locator('.message.agent .action').waitFor();
    assert.equal(await page.locator('.message').count(), 4);
  });

  await check('a server that was killed: the conversation goes on, and the open question is asked once', docent, async ({ ask, answerTo, page, texts }) => {
    await ask(SHOWN_TOUR);
    const offered = await page.locator('.action').count();
    const start = await restart();
    await page.locator('[data-state=waiting]').waitFor();
    await page.fill('#composer-text', SHOWN_POST);
    await page.press('#composer-text', 'Enter');
    await page.locator('.message-state', { hasText: 'Waiting for the connection' }).waitFor();
    await start();
    const { text } = await answerTo(() => page.click('#connection-retry'));
    assert.match(text, /first release/);
    assert.deepEqual(await texts('.message.user .message-text'), [SHOWN_TOUR, SHOWN_POST]);
    assert.doesNotMatch((await texts('.note')).join(), /A new one begins here/);
    assert.equal(await page.locator('.action').count(), offered + 1); // what was offered before still is
  });

  for (const scheme of ['light', 'dark']) {
    await check(`every text is legible, ${scheme}`, docent, async ({ ask, page }) => {
      const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      const [red] = background.match(/\d+/).map(Number);
      assert.ok(scheme === 'dark' ? red < 80 : red > 200, background);
      await ask(CITED);
      await ask(AMBIGUOUS);
      const { answer } = await ask(SHOWN_TOUR);
      await page.evaluate(() => document.querySelectorAll('details').forEach((details) => { details.open = true; }));
      assert.deepEqual(await page.evaluate(tooFaint), []);
      for (const name of ['launch', 'context']) {
        await page.click(`#tab-${name}`);
        assert.deepEqual(await page.evaluate(tooFaint), []);
      }
      await answer.locator('.action').first().click();
      await page.locator('dialog[open]').waitFor();
      assert.deepEqual(await page.evaluate(tooFaint), []);
    }, { colorScheme: scheme });
  }

  await check('nothing is wider than a window of 320 pixels', docent, async ({ ask, page }) => {
    const fits = async (what) => assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), what);
    await fits('the first visit');
    for (const question of [CITED, AMBIGUOUS, ANSWERED, SHOWN_TOUR, 'How do I write a tour?']) {
      await ask(question);
      await page.evaluate(() => document.querySelectorAll('details').forEach((details) => { details.open = true; }));
      await fits(question);
    }
    for (const name of ['launch', 'context']) {
      await page.click(`#tab-${name}`);
      await fits(name);
    }
    await page.locator('.action', { hasText: 'Tour' }).click();
    await page.locator('dialog[open]').waitFor();
    await fits('a dialog');
  }, { viewport: { width: 320, height: 640 } });
}

// A project whose every text tries to become more than text.
const HOSTILE = [
  '<img src=x onerror="window.ran = 1"><script>window.ran = 1</script><iframe src="https://evil.example/"></iframe>',
  '[run](javascript:window.ran=1) [data](data:text/html,<script>1</script>) [blank]( java\tscript:window.ran=1)',
  '![pixel](https://evil.example/pixel.png) <https://evil.example/a"onmouseover="window.ran=1> **<b onclick="window.ran=1">bold</b>**',
  '`<script>window.ran = 1</script>` [a](https://evil.example/?"><img src=x onerror=window.ran=1>)',
].join('\n\n');
const HOSTILE_NAME = '<img src=x onerror=window.ran=1>';
const HOSTILE_FILES = {
  'project.yaml': `name: ${JSON.stringify(HOSTILE_NAME)}\ngreeting: ${JSON.stringify(HOSTILE)}\nsuggestions: [${JSON.stringify(HOSTILE_NAME)}]\ndefault_locale: en\n`,
  'answers/attack.md': `---\nphrases: [attack the page]\nactions: [{open_post: attack}]\n---\n${HOSTILE}\n`,
  'posts/attack.md': `---\nstatus: published\nnotify: silent\ntitle: ${JSON.stringify(HOSTILE_NAME)}\n---\n${HOSTILE}\n`,
  'articles/zeppelin.md': `---\ntitle: "Zeppelin ${HOSTILE_NAME}"\n---\nA zeppelin is a rigid airship with a metal frame. <img src=x onerror="window.ran = 1"> A zeppelin [flies](javascript:window.ran=1) with hydrogen.\n`,
};

async function hostileChecks(hostile) {
  await check('hostile texts of authors, users and launches stay text', hostile, async ({ ask, launch, page, texts }) => {
    const stayText = async (where) => {
      assert.equal(await page.evaluate(() => window.ran), undefined, where);
      assert.deepEqual(await page.evaluate(() => [...document.querySelectorAll('img, iframe, script:not([src="/try-it.js"]), b, object, embed, [onerror], [onclick], [onmouseover]')].map((node) => node.outerHTML)), [], where);
      assert.deepEqual(await page.evaluate(() => [...document.querySelectorAll('a[href]')].map((node) => node.getAttribute('href')).filter((href) => !/^(https?:|#)/.test(href))), [], where);
    };
    assert.deepEqual(await texts('.first h2'), [HOSTILE_NAME]);
    await stayText('the greeting');
    const { text, answer, finished } = await ask('attack the page');
    assert.equal(finished.kind, 'custom_answer');
    assert.ok(text.includes('<script>window.ran = 1</script>'), text);
    await stayText('a Custom Answer');
    await answer.locator('.action').click();
    await page.locator('dialog[open]').waitFor();
    assert.equal(await page.locator('dialog h2').innerText(), HOSTILE_NAME);
    await stayText('a post');
    await page.keyboard.press('Escape');
    const cited = await ask('what is a zeppelin');
    assert.equal(cited.finished.kind, 'knowledge');
    await cited.answer.locator('.source-box summary').click();
    await stayText('an article');
    await ask(HOSTILE);
    await stayText('a message');
    await launch(`{{name|${HOSTILE_NAME}}}`, 'prefill');
    await page.locator('#launch-outcome', { hasText: 'Missing' }).waitFor();
    await stayText('a launch');
  });
}

const servers = [];
const lines = [];
const scratch = await mkdtemp(join(tmpdir(), 'docent-browser-'));
try {
  servers.push(await serve(ROOT));
  const docent = await line(servers[0].port);
  lines.push(docent);
  await checks(docent, async () => {
    await servers[0].kill();
    docent.cut();
    return async () => {
      servers[0] = await serve(ROOT);
      docent.to = servers[0].port;
    };
  });

  for (const [name, text] of Object.entries(HOSTILE_FILES)) {
    const path = join(scratch, 'knowledge', name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
  servers.push(await serve(scratch));
  const hostile = await line(servers[1].port);
  lines.push(hostile);
  await hostileChecks(hostile);

  if (problems.length) {
    failed += 1;
    console.log(`FAILED  no console error, no policy violation, no foreign request\n        ${problems.join('\n        ')}`);
  } else {
    passed += 1;
    console.log('ok      no console error, no policy violation, no foreign request');
  }
} finally {
  await browser.close();
  lines.forEach((each) => each.close());
  await Promise.all(servers.map((server) => server.kill()));
  await rm(scratch, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
