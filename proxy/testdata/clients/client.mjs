// Drives a running gateway through npm's openai SDK. Prints "ok NAME" or "FAIL NAME: why" for each case.
// client.py holds the same cases for PyPI's SDK.

import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';

import { PROMPT, bare, calls, control, fresh, load, main, reached, row, test, version } from './blackbox.mjs';

const OpenAI = load('openai');

const TOOLS = ['get_weather', 'get_time'].map((name) => ({
  type: 'function',
  function: { name, parameters: { type: 'object', properties: {} } },
}));
// What is asked, and the provider's behaviour that answers it.
const FEATURES = {
  text: ['plain', {}],
  'torn utf-8 stream': ['split', {}],
  'compressed answer': ['gzip', {}],
  'parallel tool calls': ['plain', { tools: TOOLS, tool_choice: 'auto', parallel_tool_calls: true }],
  'three choices': ['plain', { n: 3 }],
  'three choices of tool calls': ['plain', { n: 3, tools: TOOLS }],
  logprobs: ['plain', { logprobs: true, top_logprobs: 1, n: 2 }],
  refusal: ['refusal', {}],
  reasoning: ['reasoning', {}],
};
async function connect(apiKey = 'sk-one') {
  return new OpenAI({
    baseURL: (await control('gateway/url')).url + '/v1',
    apiKey,
    maxRetries: 0,
    timeout: 20000,
    defaultHeaders: { 'x-portkey-cache': 'simple' },
  });
}

function merge(message, delta) {
  for (const [field, value] of Object.entries(delta)) {
    if (field === 'role') message.role = value;
    else if (field === 'tool_calls') {
      message.tool_calls ??= [];
      for (const { index, id, type, function: part = {} } of value) {
        const into = (message.tool_calls[index] ??= { function: { arguments: '' } });
        if (id !== undefined) {
          assert.equal(into.id, undefined, 'tool call id twice');
          into.id = id;
        }
        if (type !== undefined) into.type = type;
        if (part.name !== undefined) into.function.name = (into.function.name ?? '') + part.name;
        into.function.arguments += part.arguments ?? '';
      }
    } else message[field] = (message[field] ?? '') + value;
  }
}

// The choices of a stream as a plain body has them, with the rules of the stream checked on the way.
function assemble(chunks) {
  assert.ok(chunks.length, 'an empty stream');
  const choices = [];
  let usage;
  for (const chunk of chunks) {
    assert.equal(chunk.id, chunks[0].id, 'the id within one stream');
    usage = chunk.usage ?? usage;
    for (const { index, delta, text, logprobs, finish_reason } of bare(chunk.choices)) {
      const into = (choices[index] ??= { index });
      assert.equal(into.finish_reason, undefined, 'a delta after the finish reason');
      if (text !== undefined) into.text = (into.text ?? '') + text;
      else merge((into.message ??= {}), delta);
      for (const [kind, probs] of Object.entries(logprobs ?? {})) ((into.logprobs ??= {})[kind] ??= []).push(...probs);
      if (finish_reason !== undefined) into.finish_reason = finish_reason;
    }
  }
  for (const { message, finish_reason } of choices) {
    assert.ok(finish_reason, 'a choice without a finish reason');
    if (!message) continue;
    assert.equal(message.role, 'assistant', 'role');
    if (message.content === '' && (message.refusal || message.tool_calls)) delete message.content;
  }
  return { choices, usage, usageChunks: chunks.filter((chunk) => !chunk.choices.length).length };
}

async function ask(client, model, { prompt = PROMPT, headers, legacy, messages, ...params } = {}) {
  const request = legacy
    ? client.completions.create({ model, prompt, ...params }, { headers })
    : client.chat.completions.create(
        { model, messages: messages ?? [{ role: 'user', content: prompt }], ...params },
        { headers },
      );
  const { data, response } = await request.withResponse();
  const status = response.headers.get('x-portkey-cache-status');
  const common = { status, headers: response.headers };
  if (!params.stream) return { ...common, id: data.id, usage: data.usage, choices: bare(data.choices) };
  const chunks = [];
  for await (const chunk of data) chunks.push(chunk);
  return { ...common, id: chunks[0]?.id, ...assemble(chunks) };
}

const text = (answer) => answer.choices[0].message.content;
const open = (client, model) =>
  client.chat.completions.create({ model, messages: [{ role: 'user', content: PROMPT }], stream: true });

async function fails(kind, run, status) {
  let problem;
  await assert.rejects(run, (raised) => ((problem = raised), true));
  assert.ok(problem instanceof kind, `${problem?.constructor?.name}: ${problem?.message} is no ${kind.name}`);
  if (status !== undefined) assert.equal(problem.status, status, 'status');
  return problem;
}

// ---- what is stored from one form is served in both

for (const legacy of [false, true])
  for (const [feature, [kind, params]] of Object.entries(legacy ? { text: ['plain', {}], 'three choices': ['plain', { n: 3 }] } : FEATURES))
    for (const stored of ['plain', 'stream'])
      test(`${legacy ? 'legacy completion, ' : ''}${feature}: stored from a ${stored} answer, served in both forms`, async () => {
        const client = await connect();
        const model = fresh(kind);
        const first = await ask(client, model, { legacy, ...params, ...(stored === 'stream' && { stream: true }) });
        assert.equal(first.status, 'MISS', 'status of the first');
        const ids = new Set([first.id]);
        for (const form of ['plain', 'stream', 'plain']) {
          const hit = await ask(client, model, { legacy, ...params, ...(form === 'stream' && { stream: true }) });
          assert.equal(hit.status, 'HIT', `status as ${form}`);
          assert.deepEqual(hit.choices, first.choices, `choices as ${form}`);
          assert.ok(!ids.has(hit.id), `the id ${hit.id} as ${form} is not fresh`);
          ids.add(hit.id);
        }
        assert.equal(await calls(model), 1, 'calls');
      });

// ---- which questions are the same

test('reworded question hits, its opposite does not', async () => {
  const client = await connect();
  const model = fresh();
  const headers = { 'x-portkey-cache': 'semantic' };
  const first = await ask(client, model, { prompt: 'How do I enable two-factor authentication?', headers });
  assert.equal(first.status, 'SEMANTIC MISS', 'status of the first');
  const again = await ask(client, model, { prompt: 'How do I enable two-factor authentication?', headers });
  assert.equal(again.status, 'HIT', 'status of the repeat');
  for (const prompt of ['How can I enable two-factor authentication?', 'please tell me how to enable two factor authentication'])
    for (const stream of [undefined, true]) {
      const reworded = await ask(client, model, { prompt, headers, stream });
      const similarity = Number(reworded.headers.get('x-reprise-similarity'));
      assert.equal(reworded.status, 'SEMANTIC HIT', `status of ${prompt} (${similarity})`);
      assert.equal(text(reworded), text(first), 'answer');
      assert.ok(similarity > 0.5 && similarity < 1, `similarity ${similarity}`);
    }
  for (const prompt of ['How do I disable two-factor authentication?', 'How do I not enable two-factor authentication?']) {
    const opposite = await ask(client, model, { prompt, headers });
    assert.equal(opposite.status, 'SEMANTIC MISS', `status of ${prompt}`);
    assert.notEqual(text(opposite), text(first), 'the opposite was answered from the cache');
  }
  assert.equal(await calls(model), 3, 'calls');
});

test('numbers keep reworded questions apart', async () => {
  const client = await connect();
  const model = fresh();
  const headers = { 'x-portkey-cache': 'semantic' };
  await ask(client, model, { prompt: 'How many days of holiday do I have after 3 years?', headers });
  const other = await ask(client, model, { prompt: 'How many days of holiday do I have after 5 years?', headers });
  assert.equal(other.status, 'SEMANTIC MISS', 'status');
  assert.equal(await calls(model), 2, 'calls');
});

test('simple mode does not answer a reworded question', async () => {
  const client = await connect();
  const model = fresh();
  await ask(client, model, { prompt: 'How do I enable two-factor authentication?' });
  assert.equal((await ask(client, model, { prompt: 'How can I enable two-factor authentication?' })).status, 'MISS');
});

test('an earlier turn, the system prompt and the temperature keep questions apart', async () => {
  const client = await connect();
  const model = fresh();
  const user = { role: 'user', content: PROMPT };
  const asked = [
    { messages: [user] },
    { messages: [{ role: 'system', content: 'Be brief.' }, user] },
    { messages: [{ role: 'system', content: 'Be long.' }, user] },
    { messages: [user, { role: 'assistant', content: 'Parts.' }, user] },
    { messages: [user], temperature: 0.5 },
    { messages: [user], no_such_field: 1 },
  ];
  for (const mode of ['semantic', 'simple'])
    for (const params of asked) await ask(client, model, { ...params, headers: { 'x-portkey-cache': mode } });
  assert.equal(await calls(model), asked.length, 'calls');
});

// ---- what comes with an answer

test('usage is kept, and streamed only when asked for', async () => {
  const client = await connect();
  const model = fresh();
  const first = await ask(client, model);
  assert.equal(first.usage.total_tokens, 18, 'usage of the miss');
  assert.deepEqual((await ask(client, model)).usage, first.usage, 'usage of the hit');
  assert.equal((await ask(client, model, { stream: true })).usage, undefined, 'usage of a stream that did not ask');
  const asked = await ask(client, model, { stream: true, stream_options: { include_usage: true } });
  assert.equal(asked.status, 'HIT', 'status');
  assert.equal(asked.usage?.total_tokens, 18, 'usage of a stream that asked');
  assert.equal(asked.usageChunks, 1, 'usage chunks');
});

test('usage of a stored stream is served to a plain client', async () => {
  const client = await connect();
  const model = fresh();
  const first = await ask(client, model, { stream: true, stream_options: { include_usage: true } });
  assert.equal(first.usage.total_tokens, 18, 'usage of the stream');
  const hit = await ask(client, model);
  assert.equal(hit.status, 'HIT', 'status');
  assert.equal(hit.usage?.total_tokens, 18, 'usage of the hit');
  assert.equal(await calls(model), 1, 'calls');
});

test('response headers', async () => {
  const client = await connect();
  const model = fresh();
  const first = (await ask(client, model, { headers: { 'x-portkey-trace-id': 'trace-42' } })).headers;
  assert.equal(first.get('x-portkey-trace-id'), 'trace-42');
  assert.equal(first.get('x-cache'), 'miss');
  assert.equal(first.get('x-portkey-provider'), 'box');
  assert.equal(first.get('x-request-id'), 'req-1', "the provider's own header");
  assert.match(first.get('server-timing'), /upstream/);
  const hit = (await ask(client, model)).headers;
  assert.equal(hit.get('x-cache'), 'hit');
  assert.match(hit.get('x-reprise-entry'), /^[0-9a-f]{16}$/);
  assert.ok(Number(hit.get('age')) < 60, `age ${hit.get('age')}`);
  assert.ok(hit.get('x-portkey-trace-id'), 'no trace id was made');
  assert.match(hit.get('server-timing'), /key/);
});

test('the provider sees the body and the key that the client sent', async () => {
  const client = await connect('sk-of-the-client');
  const model = fresh();
  await ask(client, model, { made_up: { b: [1, 2.5], a: 'ü' }, seed: 7 });
  const { last } = await control('state', { model });
  const body = JSON.parse(last.body);
  assert.deepEqual(body.made_up, { b: [1, 2.5], a: 'ü' }, 'unknown field');
  assert.deepEqual(Object.keys(body).sort(), ['made_up', 'messages', 'model', 'seed'], 'fields');
  assert.equal(last.headers.authorization, 'Bearer sk-of-the-client');
  assert.deepEqual(Object.keys(last.headers).filter((name) => /^x-(portkey|reprise)/.test(name)), [], "the gateway's headers leaked");
});

// ---- who may share, and what a request may ask of the cache

test('two API keys do not share answers', async () => {
  const model = fresh();
  const [one, two] = [await connect('sk-one'), await connect('sk-two')];
  assert.equal((await ask(one, model)).status, 'MISS', 'first key');
  assert.equal((await ask(two, model)).status, 'MISS', 'second key');
  assert.equal((await ask(one, model)).status, 'HIT', 'first key again');
  assert.equal(await calls(model), 2, 'calls');
});

test('namespaces do not share answers', async () => {
  const client = await connect();
  const model = fresh();
  for (const [mode, want] of [['simple', 'MISS'], ['semantic', 'HIT']])
    for (const name of ['red', 'blue']) {
      const headers = { 'x-portkey-cache-namespace': name, 'x-portkey-cache': mode };
      assert.equal((await ask(client, model, { headers })).status, want, `${mode} in ${name}`);
    }
  assert.equal((await ask(client, model, { headers: { 'x-reprise-cache-namespace': 'red' } })).status, 'HIT', 'by the other spelling');
  assert.equal((await ask(client, model)).status, 'MISS', 'the default namespace');
  assert.equal(await calls(model), 3, 'calls');
});

test('force refresh and no-cache overwrite', async () => {
  const client = await connect();
  const model = fresh();
  await ask(client, model);
  for (const headers of [{ 'x-portkey-cache-force-refresh': 'true' }, { 'cache-control': 'no-cache' }]) {
    const forced = await ask(client, model, { headers });
    assert.equal(forced.status, 'REFRESH', JSON.stringify(headers));
    const hit = await ask(client, model);
    assert.deepEqual([hit.status, text(hit)], ['HIT', text(forced)], 'what is stored now');
  }
  assert.equal(await calls(model), 3, 'calls');
});

test('no-store neither reads nor writes', async () => {
  const client = await connect();
  const model = fresh();
  const headers = { 'cache-control': 'no-store' };
  assert.equal((await ask(client, model, { headers })).status, 'DISABLED', 'status');
  assert.equal((await ask(client, model)).status, 'MISS', 'nothing was written');
  assert.match(text(await ask(client, model, { headers })), /Call 3,/, 'the stored answer was read');
  assert.equal(await calls(model), 3, 'calls');
});

test('max-age serves nothing older', async () => {
  const client = await connect();
  const model = fresh();
  await ask(client, model);
  assert.equal((await ask(client, model, { headers: { 'cache-control': 'max-age=3600' } })).status, 'HIT', 'young enough');
  const until = Date.now() + 15000;
  while (Number((await ask(client, model)).headers.get('age')) < 2) {
    assert.ok(Date.now() < until, 'the age never grew'); // it is told in whole seconds
    await pause(100);
  }
  assert.notEqual((await ask(client, model, { headers: { 'cache-control': 'max-age=1' } })).status, 'HIT', 'an old answer');
  assert.equal(await calls(model), 2, 'calls');
});

test('only-if-cached answers 504 on a miss and calls nobody', async () => {
  const client = await connect();
  const model = fresh();
  const headers = { 'cache-control': 'only-if-cached' };
  await fails(OpenAI.InternalServerError, () => ask(client, model, { headers }), 504);
  assert.equal(await calls(model), 0, 'calls');
  await ask(client, model);
  assert.equal((await ask(client, model, { headers })).status, 'HIT', 'status once stored');
});

// ---- providers that fail

const FAILURES = [
  ['e429', OpenAI.RateLimitError, 429],
  ['e500', OpenAI.InternalServerError, 500],
  ['html', OpenAI.InternalServerError, 502],
];
for (const stream of [undefined, true])
  for (const [kind, error, status] of FAILURES)
    test(`provider's ${kind.replace(/^e/, '')}, ${stream ? 'streamed' : 'plain'}`, async () => {
      const client = await connect();
      const model = fresh(kind);
      await fails(error, () => ask(client, model, { stream }), status);
      const problem = await fails(error, () => ask(client, model, { stream }), status);
      assert.equal(await calls(model), 2, 'calls (an error was cached)');
      if (kind === 'html') return; // the SDK finds no error object in a web page
      assert.ok(problem.error?.message, 'the error has no body');
      if (kind === 'e429') {
        assert.equal(problem.code, 'rate_limit_exceeded');
        assert.equal(problem.headers.get('retry-after'), '7');
      }
    });

for (const kind of ['garbage', 'empty', 'long', 'short'])
  test(`provider's answer is ${kind}`, async () => {
    const client = await connect();
    const model = fresh(kind);
    for (const n of [1, 2]) {
      const problem = await fails(OpenAI.InternalServerError, () => ask(client, model), 502);
      assert.ok(problem.error?.message, 'the error has no body');
      assert.equal(await calls(model), n, 'calls');
    }
  });

for (const kind of ['break', 'cut', 'midway', 'garbage'])
  test(`a stream that ends in ${kind} is an error and is not stored`, async () => {
    const client = await connect();
    const model = fresh(kind);
    for (const n of [1, 2]) {
      await fails(Error, () => ask(client, model, { stream: true }));
      assert.equal(await calls(model), n, 'calls');
    }
    // "garbage" has no plain answer either
    if (kind !== 'garbage') assert.equal((await ask(client, model)).status, 'MISS', 'a plain request afterwards');
  });

test("a stalled provider is a 504 after the request's own timeout", async () => {
  const client = await connect();
  const model = fresh('stall');
  const headers = { 'x-portkey-request-timeout': '300' };
  for (const stream of [undefined, true]) {
    const problem = await fails(OpenAI.InternalServerError, () => ask(client, model, { headers, stream }), 504);
    assert.ok(problem.error?.message, 'the error has no body');
  }
  await reached(model, 'cancelled', 2);
});

// ---- streams in flight

const finished = (chunk) => assert.equal(chunk?.choices[0]?.finish_reason, 'stop', 'the stream did not finish');

async function rest(iterator) {
  let last;
  for (;;) {
    const { value, done } = await iterator.next();
    if (done) return last;
    last = value;
  }
}

test('the first bytes of a stream arrive while the provider still writes', async () => {
  const client = await connect();
  const model = fresh('gate');
  const chunks = (await open(client, model))[Symbol.asyncIterator]();
  assert.ok((await chunks.next()).value, 'no chunk'); // would run into the timeout if the gateway waited for the whole
  await control('release', { model });
  finished(await rest(chunks));
  assert.equal((await ask(client, model)).status, 'HIT', 'status');
});

test('a client that leaves mid-stream frees the provider and stores nothing', async () => {
  const client = await connect();
  const model = fresh('gate');
  const stream = await open(client, model);
  assert.ok((await stream[Symbol.asyncIterator]().next()).value, 'no chunk');
  stream.controller.abort();
  await reached(model, 'cancelled');
  await control('release', { model });
  assert.equal((await ask(client, model)).status, 'MISS', 'status of the next');
  assert.equal(await calls(model), 2, 'calls');
});

test('one of two sharing clients leaves, the other gets the whole stream', async () => {
  const client = await connect();
  const model = fresh('gate');
  const leader = await open(client, model);
  assert.ok((await leader[Symbol.asyncIterator]().next()).value, 'no chunk');
  const follower = (await open(client, model))[Symbol.asyncIterator]();
  assert.ok((await follower.next()).value, 'no chunk for the follower');
  leader.controller.abort();
  await control('release', { model });
  finished(await rest(follower));
  assert.equal(await calls(model), 1, 'calls');
});

for (const stream of [undefined, true])
  test(`equal ${stream ? 'streamed' : 'plain'} requests in flight share one call`, async () => {
    const client = await connect();
    const model = fresh('gate');
    const asked = Array.from({ length: 8 }, () => ask(client, model, { stream }));
    await reached(model, 'held');
    await control('release', { model });
    const answers = await Promise.all(asked);
    assert.equal(new Set(answers.map(text)).size, 1, 'different answers');
    assert.equal(await calls(model), 1, 'calls');
  });

// ---- bad input

test('an unknown provider is a 400 that names it', async () => {
  const client = await connect();
  const model = fresh();
  const problem = await fails(OpenAI.BadRequestError, () => ask(client, model, { headers: { 'x-portkey-provider': 'nosuch' } }), 400);
  assert.match(problem.message, /nosuch/);
  assert.equal(await calls(model), 0, 'calls');
});

test('a provider that cannot be reached is a 502', async () => {
  const client = await connect('sk-very-secret');
  const headers = { 'x-portkey-provider': 'dead' };
  const problem = await fails(OpenAI.InternalServerError, () => ask(client, fresh(), { headers }), 502);
  assert.ok(problem.error?.message && !problem.message.includes('sk-very-secret'), problem.message);
});

test('empty prompts', async () => {
  const client = await connect();
  const model = fresh();
  for (const mode of ['semantic', 'simple']) await ask(client, model, { prompt: '', headers: { 'x-portkey-cache': mode } });
  assert.equal(await calls(model), 1, 'calls');
  for (const n of [2, 3]) {
    await fails(OpenAI.BadRequestError, () => ask(client, model, { messages: [] }), 400);
    assert.equal(await calls(model), n, "an empty list is the provider's to refuse, and the refusal is not stored");
  }
});

test('a huge prompt is answered and stored', async () => {
  const client = await connect();
  const model = fresh();
  const prompt = 'All work and no play makes a dull cache. '.repeat(20000); // 820 kB
  for (const [mode, want] of [['semantic', 'MISS'], ['simple', 'HIT']]) // too long to embed: the exact tier alone decides
    assert.equal((await ask(client, model, { prompt, headers: { 'x-portkey-cache': mode } })).status, want, mode);
  assert.equal(await calls(model), 1, 'calls');
});

test('a body over the limit is a 413', async () => {
  const client = await connect();
  const model = fresh();
  const prompt = 'x'.repeat(Number(process.env.BLACKBOX_BODY_LIMIT) + 1);
  const problem = await fails(OpenAI.APIError, () => ask(client, model, { prompt }), 413);
  assert.ok(problem.error?.message, 'the error has no body');
  assert.equal(await calls(model), 0, 'calls');
  await ask(client, model);
});

// ---- everything else

test('models, and paths that are not cached, pass through', async () => {
  const client = await connect();
  const listed = [];
  for await (const model of client.models.list()) listed.push(model.id);
  assert.deepEqual(listed, ['plain', 'gate']);
  assert.equal((await client.models.retrieve('plain')).owned_by, 'black-box');
  await fails(OpenAI.NotFoundError, () => client.models.retrieve('nosuch'), 404);
  const before = await calls('path:/v1/moderations');
  for (const n of [1, 2]) {
    await client.moderations.create({ input: 'hello' });
    assert.equal(await calls('path:/v1/moderations'), before + n, 'moderation calls');
  }
  await client.files.create({ file: new File(['{"a": 1}\n'], 'notes.jsonl'), purpose: 'batch' });
  const { last } = await control('state', { model: 'path:/v1/files' });
  assert.match(last.body, /\{"a": 1\}/);
  assert.match(last.headers['content-type'], /multipart\/form-data/);
});

// ---- the gateway's life

test('SIGTERM lets a stream finish, and its answer is kept', async () => {
  const model = fresh('gate');
  const chunks = (await open(await connect(), model))[Symbol.asyncIterator]();
  assert.ok((await chunks.next()).value, 'no chunk');
  await control('gateway/term');
  await control('release', { model });
  finished(await rest(chunks));
  assert.equal((await control('gateway/wait')).code, 0, 'exit code');
  await control('gateway/start');
  assert.equal((await ask(await connect(), model)).status, 'HIT', 'after the restart');
  assert.equal(await calls(model), 1, 'calls');
});

test('kill -9 keeps what was answered from the cache', async () => {
  let client = await connect();
  const models = Array.from({ length: 10 }, () => fresh());
  for (const model of models) {
    await ask(client, model);
    assert.ok((await ask(client, model)).headers.get('x-reprise-entry'), 'not stored'); // what has an entry is durable
  }
  await control('gateway/kill');
  await control('gateway/start');
  client = await connect();
  for (const model of models) {
    assert.equal((await ask(client, model)).status, 'HIT', `after the restart, ${model}`);
    assert.equal(await calls(model), 1, 'calls');
  }
});

// ---- the table

async function pieces(model, stream, tools) {
  const client = await connect();
  const params = { model, messages: [{ role: 'user', content: PROMPT }], ...(tools && { tools: TOOLS }) };
  const called = (message) => (message.tool_calls ?? []).map((call) => [call.function.name, JSON.parse(call.function.arguments)]);
  if (!stream) {
    const { message } = (await client.chat.completions.create(params)).choices[0];
    return [[message.content], called(message)];
  }
  const said = [];
  const message = {};
  for await (const chunk of await client.chat.completions.create({ ...params, stream: true })) {
    const delta = bare(chunk.choices[0].delta);
    if (delta.content) said.push(delta.content);
    merge(message, delta);
  }
  return [said, called(message)];
}

row(`${version('openai')} (JavaScript), chat`, pieces, {
  e429: (problem) => problem instanceof OpenAI.RateLimitError,
  e500: (problem) => problem instanceof OpenAI.InternalServerError,
  e400: (problem) => problem instanceof OpenAI.BadRequestError,
});

await main();
