"""redis-py and valkey-py, as a program uses them: redis_py.py MODULE SOCKET PROTOCOL SCRIPTS

MODULE is redis or valkey, PROTOCOL 2 or 3, and SCRIPTS tells whether the server runs scripts, yes
or no. Silent and 0 when all is well; otherwise the traceback tells the case and what differed.
"""

import importlib
import re
import sys
import threading
import time

MODULE, SOCKET, PROTOCOL, SCRIPTS = sys.argv[1:]
library = importlib.import_module(MODULE)
LockNotOwnedError = importlib.import_module(f"{MODULE}.exceptions").LockNotOwnedError
ResponseError, WatchError = library.ResponseError, library.WatchError

EVERY_BYTE = bytes(range(256))


def connect(**options):
    """A client with the library's defaults, which are a pool of connections."""
    client = library.Redis if MODULE == "redis" else library.Valkey
    return client.from_url(f"unix://{SOCKET}", protocol=int(PROTOCOL), **options)


def equal(actual, expected):
    """Fails unless both are the same, in type too: 1, 1.0, True and b"1" are four things."""
    same = type(actual) is type(expected) and actual == expected
    assert same, f"{actual!r} instead of {expected!r}"
    if isinstance(expected, (list, tuple)):
        for pair in zip(actual, expected):
            equal(*pair)


def refused(call, *texts):
    """Gives the error reply to a call that has to have one, with all of these texts in it."""
    try:
        reply = call()
    except ResponseError as error:
        for text in texts:
            assert text in str(error), f"{error} instead of {text}"
        return error
    raise AssertionError(f"{reply!r} instead of an error reply")


def until(condition):
    """Waits for something that comes with time."""
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, "waited 10 s in vain"
        time.sleep(0.005)


def the_connection_is_made_as_by_default(client):
    equal(client.ping(), True)
    name = "redis-py" if MODULE == "redis" else "valkey-py"
    equal(client.client_info()["lib-name"], name)
    equal(client.client_info()["resp"], PROTOCOL)
    server = client.info()
    equal(server["role"], "master")
    equal(server["loading"], 0)
    assert re.fullmatch(r"\d+\.\d+\.\d+", server["redis_version"]), server["redis_version"]
    equal(client.echo("hello"), b"hello")
    equal(client.client_setname("cron"), True)
    equal(client.execute_command("CLIENT GETNAME") in ("cron", b"cron"), True)
    equal(type(client.time()), tuple)


def strings(client):
    equal(client.get("s"), None)
    equal(client.set("s", "hello"), True)
    equal(client.get("s"), b"hello")
    equal(client.append("s", " world"), 11)
    equal(client.strlen("s"), 11)
    equal(client.getrange("s", -5, -1), b"world")
    equal(client.setrange("s", 6, "there"), 11)
    equal(client.set("s", "x", nx=True), None)
    equal(client.set("s", "new", get=True), b"hello there")
    equal(client.set("fresh", "x", xx=True), None)
    equal(client.setnx("s", "x"), False)
    equal(client.getdel("s"), b"new")
    equal(client.exists("s", "fresh"), 0)
    equal(client.mset({"a": 1, "b": "two", "c": 2.5}), True)
    equal(client.mget("c", "missing", "a", "b"), [b"2.5", None, b"1", b"two"])
    equal(client.incr("a"), 2)
    equal(client.incr("a", 40), 42)
    equal(client.decr("a", 2), 40)
    equal(client.set("f", "0.1"), True)
    equal(client.incrbyfloat("f", 0.2), 0.3)
    equal(client.type("a"), b"string")
    equal(client.type("missing"), b"none")
    equal(client.rename("b", "d"), True)
    equal(client.copy("d", "e"), True)
    equal(client.mget("b", "d", "e"), [None, b"two", b"two"])
    equal(client.delete("a", "c", "d", "e", "f", "missing"), 5)
    text = connect(decode_responses=True)
    equal(text.set("word", "grüß"), True)
    equal(text.get("word"), "grüß")


def expiry(client):
    equal(client.set("e", "x", px=60), True)
    assert 0 < client.pttl("e") <= 60
    until(lambda: client.get("e") is None)
    equal(client.ttl("e"), -2)
    equal(client.set("e", "x"), True)
    equal(client.ttl("e"), -1)
    equal(client.expire("e", 100), True)
    equal(client.expire("e", 50, gt=True), False)
    assert 99 <= client.ttl("e") <= 100
    equal(client.set("e", "y", keepttl=True), True)
    assert 99 <= client.ttl("e") <= 100
    at = int(time.time()) + 500
    equal(client.expireat("e", at), True)
    equal(client.expiretime("e"), at)
    equal(client.persist("e"), True)
    equal(client.getex("e", ex=10), b"y")
    assert 9 <= client.ttl("e") <= 10
    equal(client.psetex("e", 100_000, "z"), True)
    equal(client.expire("e", 0), True)
    equal(client.exists("e"), 0)


def pipelines(client):
    pipeline = client.pipeline(transaction=False)
    for number in range(1000):
        pipeline.set(f"p:{number}", number).get(f"p:{number}").incr("p:sum")
    expected = []
    for number in range(1000):
        expected += [True, str(number).encode(), number + 1]
    equal(pipeline.execute(), expected)
    pipeline.get("p:7").execute_command("FROB", "x").incr("p:sum").execute_command("GET")
    replies = pipeline.mget("p:1", "p:2").execute(raise_on_error=False)
    equal([replies[0], replies[2], replies[4]], [b"7", 1001, [b"1", b"2"]])
    for at, text in (1, "unknown command 'FROB'"), (3, "wrong number of arguments for 'get'"):
        assert isinstance(replies[at], ResponseError) and text in str(replies[at]), replies[at]


def transactions(client):
    equal(client.pipeline().set("t", 1).incr("t").get("t").execute(), [True, 2, b"2"])
    with client.pipeline() as pipeline:
        pipeline.watch("t")
        equal(pipeline.get("t"), b"2")
        pipeline.multi()
        equal(pipeline.set("t", "mine").get("t").execute(), [True, b"mine"])
    with client.pipeline() as pipeline:
        pipeline.watch("t", "other")
        equal(connect().set("t", "theirs"), True)
        pipeline.multi()
        pipeline.set("t", "lost").set("other", "lost")
        try:
            raise AssertionError(f"executed: {pipeline.execute()!r}")
        except WatchError:
            pass
    equal(client.mget("t", "other"), [b"theirs", None])
    with client.pipeline() as pipeline:
        pipeline.watch("t")
        connect().set("t", 5)
        pipeline.unwatch()
        pipeline.multi()
        equal(pipeline.incr("t").execute(), [6])
    replies = client.pipeline().set("w", "x").incr("w").set("v", "y").execute(raise_on_error=False)
    equal([replies[0], replies[2]], [True, True])
    assert "value is not an integer" in str(replies[1]), replies[1]
    refused(client.pipeline().set("w", "lost").execute_command("FROB").execute, "unknown command")
    equal(client.get("w"), b"x")
    counters_lose_no_increment(client)


def counters_lose_no_increment(client):
    """Four threads read, add and write under WATCH, in the library's own loop."""

    def add(pipeline):
        number = int(pipeline.get("sum") or 0)
        pipeline.multi()
        pipeline.set("sum", number + 1)

    def work():
        for _ in range(25):
            client.transaction(add, "sum")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    equal(client.get("sum"), b"100")


def scanning(client):
    keys = {f"scan:{number}".encode() for number in range(300)}
    client.mset({key: "x" for key in keys} | {"elsewhere": "x"})
    equal(set(client.scan_iter(match="scan:*", count=20)), keys)
    assert keys | {b"elsewhere"} <= set(client.scan_iter())
    teens = {b"scan:1%d" % number for number in range(10)}
    equal(set(client.scan_iter(match="scan:1?", _type="string")), teens)
    equal(list(client.scan_iter(match="scan:*", _type="hash")), [])
    equal(set(client.keys("scan:*")), keys)
    equal(client.unlink(*keys), 300)
    equal(list(client.scan_iter(match="scan:*")), [])


def binary(client):
    equal(client.set(EVERY_BYTE, EVERY_BYTE[::-1]), True)
    equal(client.get(EVERY_BYTE), EVERY_BYTE[::-1])
    singles = {bytes([byte]): bytes([byte, byte]) for byte in range(256)}
    equal(client.mset(singles), True)
    equal(client.mget(list(singles)), list(singles.values()))
    equal(set(client.scan_iter(match="?")), set(singles))
    large = EVERY_BYTE * 4096
    for value in b"", b"\r\n", b"$5\r\nhello\r\n", b"\n+OK\r\n", large:
        equal(client.set("value", value), True)
        equal(client.get("value"), value)
        equal(client.strlen("value"), len(value))


def locks(client):
    equal(client.set("nx", "token", nx=True, px=60_000), True)
    equal(client.set("nx", "other", nx=True, px=60_000), None)
    lock = client.lock("lock", timeout=60, blocking=False)
    equal(lock.acquire(), True)
    other = connect().lock("lock", timeout=60, blocking=False)
    equal(other.acquire(), False)
    equal(lock.owned(), True)
    equal(other.locked(), True)
    if SCRIPTS == "no":
        refused(lock.release)
        refused(lambda: client.eval("return 1", 0))
        equal(client.delete("lock"), 1)
        return
    equal(lock.extend(60), True)
    assert 60 < client.ttl("lock") <= 120
    equal(lock.reacquire(), True)
    waiting = threading.Thread(target=take_turns, args=[25])
    waiting.start()
    lock.release()
    take_turns(25)
    waiting.join()
    equal(client.get("turns"), b"50")
    equal(client.exists("lock"), 0)
    short = client.lock("lock", timeout=0.05)
    equal(short.acquire(), True)
    until(lambda: not short.owned())
    equal(other.acquire(), True)
    try:
        short.release()
        raise AssertionError("a lock that had expired was released")
    except LockNotOwnedError:
        equal(other.owned(), True)


def take_turns(count):
    """Adds to a counter without any care but that of the lock, in the library's waiting loop."""
    client = connect()
    for _ in range(count):
        with client.lock("lock", timeout=60, sleep=0.002, blocking_timeout=20):
            client.set("turns", int(client.get("turns") or 0) + 1)


def errors(client):
    equal(client.set("word", "x"), True)
    number = client.client_id()
    refused(lambda: client.incr("word"), "value is not an integer or out of range")
    refused(lambda: client.execute_command("FROB", "x"), "unknown command 'FROB'", "'x'")
    refused(lambda: client.execute_command("GET"), "wrong number of arguments for 'get' command")
    refused(lambda: client.execute_command("SET", "a", "b", "NOPE"), "syntax error")
    refused(lambda: client.set("a", "b", ex=0), "invalid expire time in 'set' command")
    equal(client.get("word"), b"x")
    equal(client.client_id(), number)


def reconnection(client):
    equal(client.set("r", "before"), True)
    number = client.client_id()
    other = connect()
    equal(other.client_kill_filter(_id=str(number)), 1)
    until(lambda: number not in {int(each["id"]) for each in other.client_list()})
    equal(client.get("r"), b"before")
    equal(client.set("r", "after"), True)
    assert client.client_id() != number
    equal(client.get("r"), b"after")


for case in [
    the_connection_is_made_as_by_default,
    strings,
    expiry,
    pipelines,
    transactions,
    scanning,
    binary,
    locks,
    errors,
    reconnection,
]:
    with connect() as fresh:
        case(fresh)
