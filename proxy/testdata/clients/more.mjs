// Drives a running gateway through npm's other SDKs, and openai's Responses and embeddings. Prints "ok NAME" or "FAIL NAME: why".

import assert from 'node:assert/strict';

import { PROMPT, bare, calls, control, fresh, load, main, row, test, version } from './blackbox.mjs';

const OpenAI = load('openai');
const { Anthropic } = load('@anthropic-ai/sdk');
const { Portkey } = load('portkey-ai');

const gateway = async () => (await control('gateway/url')).url;
const SIMPLE = { 'x-portkey-cache': 'simple' };
const NAMES = ['get_weather', 'get_time'];
const schema = { type: 'object', properties: {} };

async function openai() {
  return new OpenAI({ baseURL: (await gateway()) + '/v1', apiKey: 'sk-one', maxRetries: 0, timeout: 20000, defaultHeaders: SIMPLE });
}

async function anthropic() {
  return new Anthropic({ baseURL: await gateway(), apiKey: 'sk-ant-one', maxRetries: 0, timeout: 20000, defaultHeaders: SIMPLE });
}

async function portkey(more = {}) {
  return new Portkey({ baseURL: (await gateway()) + '/v1', apiKey: 'pk', provider: 'box', Authorization: 'Bearer sk-one', ...more });
}

// The answer of a call: its cache status, and what it is or streams.
async function answer(request) {
  const { data, response } = await request.withResponse();
  return [response.headers.get('x-portkey-cache-status'), data];
}

async function collect(stream) {
  const all = [];
  for await (const one of stream) all.push(one);
  return all;
}

// Each asks once in a form and twice more in both, and wants one call to the provider. A client that does not show headers
// has no status.
async function roundTrip(ask, model, stored) {
  const [status, first] = await ask(model, stored);
  if (status) assert.equal(status, 'MISS', 'status of the first');
  for (const stream of [false, true]) {
    const [again, hit] = await ask(model, stream);
    if (status) assert.equal(again, 'HIT', `status with stream=${stream}`);
    assert.deepEqual(hit, first, `answer with stream=${stream}`);
  }
  assert.equal(await calls(model), 1, 'calls');
}

async function respond(model, stream, params = {}) {
  const [status, data] = await answer((await openai()).responses.create({ model, input: PROMPT, store: false, stream, ...params }));
  if (!stream) return [status, data.output];
  const events = await collect(data);
  assert.equal(events[0].type, 'response.created');
  assert.equal(events.at(-1).type, 'response.completed');
  events.forEach((event, n) => assert.equal(event.sequence_number, n, 'sequence number'));
  return [status, events.at(-1).response.output];
}

async function message(model, stream, params = {}) {
  const client = await anthropic();
  const body = { model, max_tokens: 2000, messages: [{ role: 'user', content: PROMPT }], ...params };
  if (!stream) {
    const [status, data] = await answer(client.messages.create(body));
    return [status, bare({ ...data, id: null, _request_id: null })];
  }
  const [status, events] = await answer(client.messages.create({ ...body, stream: true }));
  const [first, ...rest] = await collect(events);
  assert.equal(first.type, 'message_start');
  const built = { ...first.message, content: [] };
  const inputs = [];
  for (const event of rest) {
    if (event.type === 'content_block_start') built.content.push(event.content_block);
    else if (event.type === 'content_block_delta') {
      const block = built.content[event.index];
      const { type, ...piece } = event.delta;
      if (type === 'input_json_delta') inputs[event.index] = (inputs[event.index] ?? '') + piece.partial_json;
      else for (const [name, value] of Object.entries(piece)) block[name] += value;
    } else if (event.type === 'message_delta') {
      built.stop_reason = event.delta.stop_reason;
      Object.assign(built.usage, event.usage);
    }
  }
  assert.equal(rest.at(-1).type, 'message_stop');
  inputs.forEach((text, n) => text && (built.content[n].input = JSON.parse(text)));
  return [status, bare({ ...built, id: null })];
}

async function chat(model, stream, params = {}) {
  const body = { model, messages: [{ role: 'user', content: PROMPT }], stream, ...params };
  const data = await (await portkey()).chat.completions.create(body);
  const status = undefined;
  if (!stream) {
    const { content, tool_calls } = data.choices[0].message;
    return [status, [content, tool_calls?.map((call) => [call.id, call.function.name, call.function.arguments])]];
  }
  let content = null;
  const called = [];
  for await (const chunk of data) {
    const delta = chunk.choices[0]?.delta ?? {};
    if (delta.content) content = (content ?? '') + delta.content;
    for (const { index, id, function: part } of delta.tool_calls ?? []) {
      const into = (called[index] ??= ['', '', '']);
      into[0] += id ?? '';
      into[1] += part.name ?? '';
      into[2] += part.arguments ?? '';
    }
  }
  return [status, [content, called.length ? called : undefined]];
}

const FORMS = [
  ['openai response', respond, {}],
  ['openai response, tools', respond, { tools: NAMES.map((name) => ({ type: 'function', name, parameters: schema, strict: false })) }],
  ['anthropic message', message, {}],
  ['anthropic message, tools', message, { tools: NAMES.map((name) => ({ name, input_schema: schema })) }],
  ['anthropic message, thinking', message, { thinking: { type: 'enabled', budget_tokens: 1024 } }],
  ['portkey chat', chat, {}],
  ['portkey chat, tools', chat, { tools: NAMES.map((name) => ({ type: 'function', function: { name, parameters: schema } })) }],
];
for (const [what, ask, params] of FORMS) {
  for (const stored of [false, true]) {
    test(`${what}: stored from a ${stored ? 'stream' : 'plain answer'}, served in both forms`, () =>
      roundTrip((model, stream) => ask(model, stream, params), fresh(), stored));
  }
}

test('openai: the stream helper of responses takes a hit', async () => {
  const client = await openai();
  const model = fresh();
  const first = await client.responses.create({ model, input: PROMPT });
  const final = await client.responses.stream({ model, input: PROMPT }).finalResponse();
  assert.equal(final.output_text, first.output_text);
  assert.equal(await calls(model), 1, 'calls');
});

test('anthropic: the stream helper takes a hit', async () => {
  const client = await anthropic();
  const model = fresh();
  const body = { model, max_tokens: 2000, messages: [{ role: 'user', content: PROMPT }] };
  const first = await client.messages.create(body);
  assert.deepEqual((await client.messages.stream(body).finalMessage()).content[0].text, first.content[0].text);
  assert.equal(await calls(model), 1, 'calls');
});

test('openai: embeddings are known one by one', async () => {
  const client = await openai();
  const model = fresh();
  const [, first] = await answer(client.embeddings.create({ model, input: ['alpha', 'beta'] }));
  const [status, hit] = await answer(client.embeddings.create({ model, input: ['beta', 'alpha'] }));
  assert.equal(status, 'HIT');
  assert.deepEqual(hit.data[0].embedding, first.data[1].embedding);
  assert.equal(await calls(model), 1, 'calls');
});

for (const [what, ask] of [['openai response', respond], ['anthropic message', message], ['portkey chat', chat]]) {
  test(`${what}: errors of the provider's are the SDK's own`, async () => {
    for (const [kind, status] of [['e429', 429], ['e500', 500]]) {
      for (const stream of [false, true]) {
        const asked = (async () => ask(fresh(kind), stream))();
        await assert.rejects(asked, (problem) => {
          assert.equal(problem.status, status, String(problem));
          return true;
        });
      }
    }
  });
}

test("anthropic: errors of the gateway's are the SDK's own", async () => {
  const client = await anthropic();
  const body = { model: fresh(), max_tokens: 9, messages: [{ role: 'user', content: PROMPT }] };
  await assert.rejects(client.messages.create(body, { headers: { 'x-portkey-cache': 'sometimes' } }), (problem) => {
    assert.ok(problem instanceof Anthropic.BadRequestError);
    assert.match(problem.message, /x-portkey-cache/);
    return true;
  });
});

// ---- the table

async function responsePieces(model, stream, tools) {
  const client = await openai();
  const functions = NAMES.map((name) => ({ type: 'function', name, parameters: schema, strict: false }));
  const params = { model, input: PROMPT, store: false, ...(tools && { tools: functions }) };
  const said = [];
  let final;
  if (stream) {
    for await (const event of await client.responses.create({ ...params, stream: true })) {
      if (event.type === 'response.output_text.delta') said.push(event.delta);
      if (event.type === 'response.completed') final = event.response;
    }
  } else {
    final = await client.responses.create(params);
    said.push(final.output_text);
  }
  const made = final.output.filter((item) => item.type === 'function_call');
  return [said, made.map((item) => [item.name, JSON.parse(item.arguments)])];
}

async function messagePieces(model, stream, tools) {
  const client = await anthropic();
  const params = { model, max_tokens: 2000, messages: [{ role: 'user', content: PROMPT }] };
  if (tools) params.tools = NAMES.map((name) => ({ name, input_schema: schema }));
  const said = [];
  let final;
  if (stream) {
    const events = client.messages.stream(params);
    events.on('text', (piece) => said.push(piece));
    final = await events.finalMessage();
  } else {
    final = await client.messages.create(params);
    said.push(...final.content.filter((block) => block.type === 'text').map((block) => block.text));
  }
  return [said, final.content.filter((block) => block.type === 'tool_use').map((block) => [block.name, block.input])];
}

async function portkeyPieces(model, stream, tools) {
  const params = { model, messages: [{ role: 'user', content: PROMPT }], stream };
  if (tools) params.tools = NAMES.map((name) => ({ type: 'function', function: { name, parameters: schema } }));
  const data = await (await portkey()).chat.completions.create(params);
  const called = [];
  if (!stream) {
    const { content, tool_calls } = data.choices[0].message;
    return [[content], (tool_calls ?? []).map((call) => [call.function.name, JSON.parse(call.function.arguments)])];
  }
  const said = [];
  for await (const chunk of data) {
    const delta = chunk.choices[0]?.delta ?? {};
    if (delta.content) said.push(delta.content);
    for (const { index, function: part } of delta.tool_calls ?? []) {
      const into = (called[index] ??= ['', '']);
      into[0] += part.name ?? '';
      into[1] += part.arguments ?? '';
    }
  }
  return [said, called.map(([name, text]) => [name, JSON.parse(text)])];
}

row(`${version('openai')} (JavaScript), responses`, responsePieces, {
  e429: (problem) => problem instanceof OpenAI.RateLimitError,
  e500: (problem) => problem instanceof OpenAI.InternalServerError,
});
row(`${version('@anthropic-ai/sdk')} (JavaScript)`, messagePieces, {
  e429: (problem) => problem instanceof Anthropic.RateLimitError,
  e500: (problem) => problem instanceof Anthropic.InternalServerError,
  e401: (problem) => problem instanceof Anthropic.AuthenticationError,
});
// Its errors are those of the openai package that it brings along, whose classes it does not show.
row(`${version('portkey-ai')} (JavaScript)`, portkeyPieces, {
  e429: (problem) => problem.status === 429 && problem.constructor.name === 'RateLimitError',
  e500: (problem) => problem.status === 500 && problem.constructor.name === 'InternalServerError',
});

await main();
