// ioredis and its descendant iovalkey, as a program uses them. check.mjs tells the arguments.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { equal, everyByte, library, module, protocol } from './check.mjs';
import { refused, release, run, scripts, socket, until } from './check.mjs';

// Only ioredis since 6 knows more than one protocol, and takes 3 where nothing is said.
const options = module === 'ioredis' ? { protocol: Number(protocol) } : {};
const connect = () => new library(socket, options);
const others = [];

// A second client, for what somebody else does meanwhile.
function other() {
  others.push(connect());
  return others.at(-1);
}

function disconnect(client) {
  client.disconnect();
  others.splice(0).forEach((each) => each.disconnect());
}

async function theConnectionIsMadeAsByDefault(client) {
  equal(await client.ping(), 'PONG');
  equal(client.status, 'ready');
  const info = await client.info();
  assert.match(info, /^role:master\r$/m);
  assert.match(info, /^loading:0\r$/m);
  assert.match(info, /^redis_version:\d+\.\d+\.\d+\r$/m);
  const mine = await client.client('INFO');
  if (module !== 'iovalkey') assert.match(mine, / lib-name=ioredis /);
  assert.match(mine, new RegExp(` resp=${protocol}\\b`));
  equal(await client.echo('hello'), 'hello');
  equal(await client.client('SETNAME', 'cron'), 'OK');
  equal(await client.client('GETNAME'), 'cron');
}

async function strings(client) {
  equal(await client.get('s'), null);
  equal(await client.set('s', 'hello'), 'OK');
  equal(await client.append('s', ' world'), 11);
  equal(await client.getrange('s', -5, -1), 'world');
  equal(await client.setrange('s', 6, 'there'), 11);
  equal(await client.strlen('s'), 11);
  equal(await client.set('s', 'x', 'NX'), null);
  equal(await client.set('s', 'grüß', 'GET'), 'hello there');
  equal(await client.setnx('s', 'x'), 0);
  equal(await client.getdel('s'), 'grüß');
  equal(await client.mset({ a: 1, b: 'two', c: '' }), 'OK');
  equal(await client.mget('c', 'missing', 'a', 'b'), ['', null, '1', 'two']);
  equal(await client.incr('a'), 2);
  equal(await client.decrby('a', 44), -42);
  equal(await client.incrbyfloat('f', '10.5'), '10.5');
  equal(await client.exists('a', 'b', 'missing'), 2);
  equal(await client.type('a'), 'string');
  equal(await client.rename('b', 'd'), 'OK');
  equal(await client.mget('b', 'd'), [null, 'two']);
  equal(await client.del('a', 'c', 'd', 'f', 'missing'), 4);
}

async function expiry(client) {
  equal(await client.set('e', 'x', 'PX', 60), 'OK');
  const left = await client.pttl('e');
  assert.ok(left > 0 && left <= 60, left);
  await until(async () => (await client.get('e')) === null);
  equal(await client.ttl('e'), -2);
  equal(await client.set('e', 'x', 'EX', 100), 'OK');
  equal(await client.set('e', 'y', 'KEEPTTL'), 'OK');
  assert.ok([99, 100].includes(await client.ttl('e')));
  equal(await client.expire('e', 50, 'GT'), 0);
  equal(await client.persist('e'), 1);
  equal(await client.ttl('e'), -1);
  equal(await client.getex('e', 'EX', 10), 'y');
  equal(await client.setex('e', 100, 'z'), 'OK');
  const at = Math.floor(Date.now() / 1000) + 500;
  equal(await client.expireat('e', at), 1);
  equal(await client.expiretime('e'), at);
  equal(await client.expire('e', 0), 1);
  equal(await client.exists('e'), 0);
}

async function pipelines(client) {
  const pipeline = client.pipeline();
  const expected = [];
  for (let number = 0; number < 1000; number++) {
    pipeline.set(`p:${number}`, number).get(`p:${number}`).incr('p:sum');
    expected.push([null, 'OK'], [null, String(number)], [null, number + 1]);
  }
  equal(await pipeline.exec(), expected);
  const unhappy = client.pipeline().get('p:7').call('FROB', 'x').incr('p:sum').call('GET');
  const replies = await unhappy.mget('p:1', 'p:2').exec();
  equal([replies[0], replies[2], replies[4]], [[null, '7'], [null, 1001], [null, ['1', '2']]]);
  assert.match(replies[1][0].message, /^ERR unknown command 'FROB'/);
  assert.match(replies[3][0].message, /^ERR wrong number of arguments for 'get' command$/);
  // What is asked in one turn of the loop goes out together.
  const numbers = Array.from({ length: 500 }, (_, number) => number);
  const values = await Promise.all(numbers.map((number) => client.get(`p:${number}`)));
  equal(values, numbers.map(String));
}

async function transactions(client) {
  const done = await client.multi().set('t', 1).incr('t').get('t').exec();
  equal(done, [[null, 'OK'], [null, 2], [null, '2']]);
  equal(await client.watch('t'), 'OK');
  equal(await client.get('t'), '2');
  equal(await client.multi().set('t', 'mine').get('t').exec(), [[null, 'OK'], [null, 'mine']]);
  equal(await client.watch('t', 'other'), 'OK');
  equal(await other().set('t', 'theirs'), 'OK');
  equal(await client.multi().set('t', 'lost').set('other', 'lost').exec(), null);
  equal(await client.mget('t', 'other'), ['theirs', null]);
  equal(await client.watch('t'), 'OK');
  equal(await other().set('t', 5), 'OK');
  equal(await client.unwatch(), 'OK');
  equal(await client.multi().incr('t').exec(), [[null, 6]]);
  const part = await client.multi().set('w', 'x').incr('w').set('v', 'y').exec();
  equal([part[0], part[2]], [[null, 'OK'], [null, 'OK']]);
  assert.match(part[1][0].message, /^ERR value is not an integer/);
  await refused(client.multi().set('w', 'lost').call('FROB').exec(), 'EXECABORT');
  equal(await client.multi({ pipeline: false }), 'OK');
  equal(await client.set('w', 'lost'), 'QUEUED');
  equal(await client.discard(), 'OK');
  equal(await client.get('w'), 'x');
}

async function scanning(client) {
  const keys = Array.from({ length: 300 }, (_, number) => `scan:${number}`).sort();
  await client.mset(...keys.flatMap((key) => [key, 'x']), 'elsewhere', 'x');
  const scan = async (options) => {
    const found = new Set();
    for await (const page of client.scanStream(options)) page.forEach((key) => found.add(key));
    return [...found].sort();
  };
  equal(await scan({ match: 'scan:*', count: 20 }), keys);
  const all = await scan({});
  assert.ok([...keys, 'elsewhere'].every((key) => all.includes(key)));
  equal(await scan({ match: 'scan:*', type: 'hash' }), []);
  equal((await client.keys('scan:*')).sort(), keys);
  equal(await client.unlink(...keys), 300);
  equal(await scan({ match: 'scan:*' }), []);
}

async function binary(client) {
  const backwards = Buffer.from(everyByte).reverse();
  equal(await client.set(everyByte, backwards), 'OK');
  equal(await client.getBuffer(everyByte), backwards);
  const keys = [...everyByte].map((byte) => Buffer.from([byte]));
  const values = keys.map((key) => Buffer.concat([key, key]));
  equal(await client.mset(...keys.flatMap((key, at) => [key, values[at]])), 'OK');
  equal(await client.mgetBuffer(...keys), values);
  const found = new Map();
  for await (const page of client.scanBufferStream({ match: '?' })) {
    page.forEach((key) => found.set(key[0], key));
  }
  equal([...found.keys()].sort((a, b) => a - b), [...everyByte]);
  const large = Buffer.concat(Array(4096).fill(everyByte));
  for (const value of [Buffer.from(''), Buffer.from('\r\n'), Buffer.from('$2\r\nhi\r\n'), large]) {
    equal(await client.set('value', value), 'OK');
    equal(await client.getBuffer('value'), value);
    equal(await client.strlen('value'), value.length);
  }
}

async function locks(client) {
  equal(await client.set('lock', 'mine', 'PX', 60_000, 'NX'), 'OK');
  equal(await other().set('lock', 'theirs', 'PX', 60_000, 'NX'), null);
  equal(await other().set('lock', 'theirs', 'PX', 60_000, 'NX', 'GET'), 'mine');
  // EVALSHA first, and EVAL where the server does not have it.
  client.defineCommand('release', { numberOfKeys: 1, lua: release });
  if (scripts === 'no') {
    await assert.rejects(client.eval(release, 1, 'lock', 'mine'), { name: 'ReplyError' });
    await assert.rejects(client.release('lock', 'mine'), { name: 'ReplyError' });
    equal(await client.get('lock'), 'mine');
    return;
  }
  equal(await client.eval(release, 1, 'lock', 'theirs'), 0);
  equal(await client.get('lock'), 'mine');
  equal(await client.release('lock', 'mine'), 1);
  equal(await client.release('lock', 'mine'), 0);
  equal(await client.exists('lock'), 0);
}

async function errors(client) {
  const number = await client.client('ID');
  const frob = "ERR unknown command 'FROB', with args beginning with: 'x'";
  equal(await client.set('word', 'x'), 'OK');
  await refused(client.incr('word'), 'ERR value is not an integer or out of range');
  await refused(client.call('FROB', 'x'), frob);
  await refused(client.call('GET'), "ERR wrong number of arguments for 'get' command");
  await refused(client.set('a', 'b', 'NOPE'), 'ERR syntax error');
  await refused(client.set('a', 'b', 'EX', 0), "ERR invalid expire time in 'set' command");
  equal(await client.get('word'), 'x');
  equal(await client.client('ID'), number);
}

async function reconnection(client) {
  equal(await client.set('r', 'before'), 'OK');
  const number = await client.client('ID');
  const closed = once(client, 'close');
  equal(await other().client('KILL', 'ID', number), 1);
  await closed;
  equal(await client.get('r'), 'before');
  equal(await client.set('r', 'after'), 'OK');
  assert.notEqual(await client.client('ID'), number);
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
