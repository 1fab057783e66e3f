// node-redis, as a program uses it. check.mjs tells the arguments.

import assert from 'node:assert/strict';
import { equal, everyByte, library, module, protocol } from './check.mjs';
import { refused, release, run, scripts, socket, until } from './check.mjs';

const { createClient, defineScript, ErrorReply, RESP_TYPES, WatchError } = library;
// Before 6 it knows no unix: URL.
const place = module === 'redis' ? { url: `unix://${socket}` } : { socket: { path: socket } };
const releaseScript = defineScript({
  SCRIPT: release,
  NUMBER_OF_KEYS: 1,
  parseCommand(parser, key, token) {
    parser.pushKey(key);
    parser.push(token);
  },
  transformReply: undefined,
});
const others = [];

async function connect() {
  const client = createClient({ ...place, RESP: Number(protocol), scripts: { releaseScript } });
  // A client without a listener throws when its connection is lost.
  client.on('error', () => {});
  return client.connect();
}

// A second client, for what somebody else does meanwhile.
async function other() {
  others.push(await connect());
  return others.at(-1);
}

function disconnect(client) {
  client.destroy();
  others.splice(0).forEach((each) => each.destroy());
}

const bytes = (client) => client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });

async function theConnectionIsMadeAsByDefault(client) {
  equal(await client.ping(), 'PONG');
  equal(await client.echo('hello'), 'hello');
  const info = await client.info();
  assert.match(info, /^role:master\r$/m);
  assert.match(info, /^redis_version:\d+\.\d+\.\d+\r$/m);
  const mine = await client.sendCommand(['CLIENT', 'INFO']);
  assert.match(mine, / lib-name=node-redis /);
  assert.match(mine, new RegExp(` resp=${protocol}\\b`));
  equal(await client.clientSetName('cron'), 'OK');
  equal(await client.clientGetName(), 'cron');
}

async function strings(client) {
  equal(await client.get('s'), null);
  equal(await client.set('s', 'hello'), 'OK');
  equal(await client.append('s', ' world'), 11);
  equal(await client.getRange('s', -5, -1), 'world');
  equal(await client.setRange('s', 6, 'there'), 11);
  equal(await client.strLen('s'), 11);
  equal(await client.set('s', 'x', { condition: 'NX' }), null);
  equal(await client.set('s', 'grüß', { GET: true }), 'hello there');
  equal(await client.setNX('s', 'x'), 0);
  equal(await client.getDel('s'), 'grüß');
  equal(await client.mSet([['a', '1'], ['b', 'two'], ['c', '']]), 'OK');
  equal(await client.mGet(['c', 'missing', 'a', 'b']), ['', null, '1', 'two']);
  equal(await client.incr('a'), 2);
  equal(await client.decrBy('a', 44), -42);
  equal(await client.incrByFloat('f', 10.5), '10.5');
  equal(await client.exists(['a', 'b', 'missing']), 2);
  equal(await client.type('a'), 'string');
  equal(await client.rename('b', 'd'), 'OK');
  equal(await client.mGet(['b', 'd']), [null, 'two']);
  equal(await client.del(['a', 'c', 'd', 'f', 'missing']), 4);
}

async function expiry(client) {
  equal(await client.set('e', 'x', { expiration: { type: 'PX', value: 60 } }), 'OK');
  const left = await client.pTTL('e');
  assert.ok(left > 0 && left <= 60, left);
  await until(async () => (await client.get('e')) === null);
  equal(await client.ttl('e'), -2);
  equal(await client.set('e', 'x', { expiration: { type: 'EX', value: 100 } }), 'OK');
  equal(await client.set('e', 'y', { expiration: 'KEEPTTL' }), 'OK');
  assert.ok([99, 100].includes(await client.ttl('e')));
  equal(await client.expire('e', 50, 'GT'), 0);
  equal(await client.persist('e'), 1);
  equal(await client.ttl('e'), -1);
  equal(await client.getEx('e', { type: 'EX', value: 10 }), 'y');
  equal(await client.setEx('e', 100, 'z'), 'OK');
  const at = Math.floor(Date.now() / 1000) + 500;
  equal(await client.expireAt('e', at), 1);
  equal(await client.expireTime('e'), at);
  equal(await client.expire('e', 0), 1);
  equal(await client.exists('e'), 0);
}

async function pipelines(client) {
  const pipeline = client.multi();
  const expected = [];
  for (let number = 0; number < 1000; number++) {
    pipeline.set(`p:${number}`, String(number)).get(`p:${number}`).incr('p:sum');
    expected.push('OK', String(number), number + 1);
  }
  equal(await pipeline.execAsPipeline(), expected);
  // What is asked in one turn of the loop goes out together.
  const requests = [['GET', 'p:7'], ['FROB', 'x'], ['INCR', 'p:sum'], ['GET'], ['GET', 'p:8']];
  const replies = await Promise.allSettled(requests.map((words) => client.sendCommand(words)));
  equal([replies[0].value, replies[2].value, replies[4].value], ['7', 1001, '8']);
  assert.match(replies[1].reason.message, /^ERR unknown command 'FROB'/);
  assert.match(replies[3].reason.message, /^ERR wrong number of arguments for 'get' command$/);
}

async function transactions(client) {
  equal(await client.multi().set('t', '1').incr('t').get('t').exec(), ['OK', 2, '2']);
  equal(await client.watch('t'), 'OK');
  equal(await client.get('t'), '2');
  equal(await client.multi().set('t', 'mine').get('t').exec(), ['OK', 'mine']);
  equal(await client.watch(['t', 'other']), 'OK');
  equal(await (await other()).set('t', 'theirs'), 'OK');
  await assert.rejects(client.multi().set('t', 'lost').set('other', 'lost').exec(), WatchError);
  equal(await client.mGet(['t', 'other']), ['theirs', null]);
  equal(await client.watch('t'), 'OK');
  equal(await (await other()).set('t', '5'), 'OK');
  equal(await client.unwatch(), 'OK');
  equal(await client.multi().incr('t').exec(), [6]);
  const part = await client.multi().set('w', 'x').incr('w').set('v', 'y').exec().catch((e) => e);
  equal([part.replies[0], part.replies[2]], ['OK', 'OK']);
  assert.match(part.replies[1].message, /^ERR value is not an integer/);
  const unknown = client.multi().set('w', 'lost').addCommand(['FROB']).exec();
  await assert.rejects(unknown, ErrorReply);
  equal(await client.get('w'), 'x');
}

async function scanning(client) {
  const keys = Array.from({ length: 300 }, (_, number) => `scan:${number}`).sort();
  await client.mSet([...keys, 'elsewhere'].map((key) => [key, 'x']));
  const scan = async (options) => {
    const found = new Set();
    for await (const page of client.scanIterator(options)) page.forEach((key) => found.add(key));
    return [...found].sort();
  };
  equal(await scan({ MATCH: 'scan:*', COUNT: 20 }), keys);
  const all = await scan({});
  assert.ok([...keys, 'elsewhere'].every((key) => all.includes(key)));
  equal(await scan({ MATCH: 'scan:*', TYPE: 'hash' }), []);
  equal((await client.keys('scan:*')).sort(), keys);
  equal(await client.unlink(keys), 300);
  equal(await scan({ MATCH: 'scan:*' }), []);
}

async function binary(client) {
  const backwards = Buffer.from(everyByte).reverse();
  equal(await client.set(everyByte, backwards), 'OK');
  equal(await bytes(client).get(everyByte), backwards);
  const keys = [...everyByte].map((byte) => Buffer.from([byte]));
  const values = keys.map((key) => Buffer.concat([key, key]));
  equal(await client.mSet(keys.map((key, at) => [key, values[at]])), 'OK');
  equal(await bytes(client).mGet(keys), values);
  // Not by scanIterator, which before 6 takes a cursor in a Buffer for no end.
  const found = await bytes(client).keys('?');
  equal(found.map((key) => key[0]).sort((a, b) => a - b), [...everyByte]);
  const large = Buffer.concat(Array(4096).fill(everyByte));
  for (const value of [Buffer.from(''), Buffer.from('\r\n'), Buffer.from('$2\r\nhi\r\n'), large]) {
    equal(await client.set('value', value), 'OK');
    equal(await bytes(client).get('value'), value);
    equal(await client.strLen('value'), value.length);
  }
}

async function locks(client) {
  const once = { condition: 'NX', expiration: { type: 'PX', value: 60_000 } };
  equal(await client.set('lock', 'mine', once), 'OK');
  equal(await (await other()).set('lock', 'theirs', once), null);
  equal(await (await other()).set('lock', 'theirs', { ...once, GET: true }), 'mine');
  const words = (token) => ({ keys: ['lock'], arguments: [token] });
  // The second sends EVALSHA first, and EVAL where the server does not have it.
  if (scripts === 'no') {
    await assert.rejects(client.eval(release, words('mine')), ErrorReply);
    await assert.rejects(client.releaseScript('lock', 'mine'), ErrorReply);
    equal(await client.get('lock'), 'mine');
    return;
  }
  equal(await client.eval(release, words('theirs')), 0);
  equal(await client.get('lock'), 'mine');
  equal(await client.releaseScript('lock', 'mine'), 1);
  equal(await client.releaseScript('lock', 'mine'), 0);
  equal(await client.exists('lock'), 0);
}

async function errors(client) {
  const number = await client.clientId();
  const frob = "ERR unknown command 'FROB', with args beginning with: 'x'";
  equal(await client.set('word', 'x'), 'OK');
  await refused(client.incr('word'), 'ERR value is not an integer or out of range');
  await refused(client.sendCommand(['FROB', 'x']), frob);
  await refused(client.sendCommand(['GET']), "ERR wrong number of arguments for 'get' command");
  await refused(client.sendCommand(['SET', 'a', 'b', 'NOPE']), 'ERR syntax error');
  await refused(client.setEx('a', 0, 'b'), "ERR invalid expire time in 'setex' command");
  equal(await client.get('word'), 'x');
  equal(await client.clientId(), number);
}

async function reconnection(client) {
  equal(await client.set('r', 'before'), 'OK');
  const number = await client.clientId();
  const ready = new Promise((resolve) => client.once('ready', resolve));
  equal(await (await other()).sendCommand(['CLIENT', 'KILL', 'ID', String(number)]), 1);
  await ready;
  equal(await client.get('r'), 'before');
  equal(await client.set('r', 'after'), 'OK');
  assert.notEqual(await client.clientId(), number);
  equal(await client.get('r'), 'after');
}

await run(connect, disconnect, [
  theConnectionIsMadeAsByDefault,
  strings,
  expiry,
  pipelines,
  transactions,
  scanning,
  binary,
  locks,
  errors,
  reconnection,
]);
