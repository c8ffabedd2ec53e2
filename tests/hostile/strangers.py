"""Parts `strangers`, `frames` and `versions`: what is no Kafka at all, frames that are none, requests that nobody serves."""
import os, ssl, socket, struct, time

import kwire, words

LINES_MAX = 3  # of the log a second, whatever comes in: one a kind, and the second may turn in between


def log_size(suite, node):
    return os.path.getsize(node.log)


def log_since(suite, node, size):
    with open(node.log, errors="replace") as f:
        f.seek(size)
        return f.read()


def strangers(suite):
    node = suite.broker
    said = words.said_to(node.address, b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n") or b""
    suite.check(said.startswith(b"HTTP/1.1 400 ") and b"http://127.0.0.1:%d (/readyz" % node.admin_port in said,
                f"HTTP on a Kafka port: a 400 that names the right port ({said.splitlines()[-1].decode(errors='replace') if said else said})")
    said = words.said_to(node.address, b"POST /v1/x HTTP/1.1\r\nContent-Length: 3000000\r\n\r\n" + bytes(3000000)) or b""
    suite.check(said.startswith(b"HTTP/1.1 400 "), "a POST of 3 MB that is not read to its end gets the 400 too")
    with words.Raw(node.address) as raw:
        for byte in b"GET / HTTP/1.0\r\n\r\n":
            raw.say(bytes([byte]))
            time.sleep(0.005)
        suite.check((raw.end() or b"").startswith(b"HTTP/1.1 400 "), "HTTP byte by byte gets the 400 too")
    tls(suite, node)
    noise(suite, node)


def tls(suite, node):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    host, port = node.address.split(":")
    told = "the handshake went through"
    with socket.create_connection((host, int(port)), 10) as s:
        try:
            context.wrap_socket(s)
        except ssl.SSLError as e:
            told = e.reason or str(e)
        except OSError as e:
            told = f"no alert: {e!r}"
    suite.check("ALERT" in told.upper(), f"a TLS handshake on a PLAINTEXT port gets an alert ({told})")


def noise(suite, node):
    size, random = log_size(suite, node), suite.random
    least, seconds_least = (2000, 5) if suite.full else (300, 1.5)
    kept = count = 0
    began = time.monotonic()
    while count < least or time.monotonic() - began < seconds_least:
        count += 1
        # anything but a plausible short length: those wait for the rest of their frame, as they must
        data = bytes([random.randrange(0x10, 256)]) + random.randbytes(random.randrange(3, 4000))
        kept += words.said_to(node.address, data) != b""
    seconds = time.monotonic() - began
    suite.check(kept == 0, f"{count} connections of random bytes are closed without a word ({kept} were not)")
    lines = [line for line in log_since(suite, node, size).splitlines() if "WARN" in line]
    suite.check(0 < len(lines) <= LINES_MAX * (seconds + 1), f"they leave {len(lines)} lines in the log in {seconds:.1f} s, which count the rest")


def frames(suite):
    address = suite.broker.address
    for name, data in (("a negative length", b"\xff\xff\xff\xfe" + b"x" * 50), ("the least length", b"\x80\0\0\0"),
                       ("one byte above socket.request.max.bytes", struct.pack(">i", 104857601) + words.head(18, 0)),
                       ("2 GiB", b"\x7f\xff\xff\xff" + bytes(1000)), ("an empty frame", bytes(4)),
                       ("a frame shorter than a header", words.frame(b"\0\x12\0\0"))):
        suite.check(words.said_to(address, data) == b"", f"frames: {name}: closed without a word")
    cut = words.frame(words.head(words.METADATA, 7) + kwire.array([kwire.text("t")] * 50))
    for n in (1, 3, 4, 7, 20, len(cut) - 1):
        with words.Raw(address) as raw:
            raw.say(cut[:n])
            raw.socket.shutdown(socket.SHUT_WR)
            suite.quiet(raw.end() == b"", f"frames: cut after {n} bytes: nothing is answered and the connection ends")
    suite.check(True, "frames: cut anywhere, the connection ends")
    with words.Raw(address) as raw:
        for byte in words.frame(words.head(words.API_VERSIONS, 0, 77)):
            raw.say(bytes([byte]))
            time.sleep(0.01)
        answer = raw.answer()
        suite.check(answer is not None and struct.unpack(">ih", answer[:6]) == (77, 0), "frames: byte by byte, a good request is answered")
    with words.Raw(address) as raw:
        raw.say(b"".join(words.frame(words.head(words.API_VERSIONS, 0, i)) for i in range(1000)))
        good = all((raw.answer() or b"")[:4] == struct.pack(">i", i) for i in range(1000))
        suite.check(good, "frames: 1,000 requests in one breath are answered in order")


def versions(suite):
    address = suite.broker.address
    for version in (5, 99, 32767, -1):
        with words.Raw(address) as raw:
            raw.say(words.frame(words.head(words.API_VERSIONS, version, 5) + b"\0\x02x\x02y\0"))
            answer = raw.answer() or b""
            code, count = struct.unpack(">hi", answer[4:10]) if len(answer) >= 10 else (None, None)
            rows = [struct.unpack_from(">hhh", answer, 10 + 6 * i) for i in range(count or 0)]
            suite.check(code == 35 and len(rows) == 1 and rows[0][:2] == (18, 0) and len(answer) == 16 and version not in range(rows[0][2] + 1),
                        f"versions: ApiVersions {version}: UNSUPPORTED_VERSION in version 0, with its own range {rows}")
            raw.say(words.frame(words.head(words.API_VERSIONS, 0, 6)))
            suite.quiet((raw.answer() or b"")[:6] == struct.pack(">ih", 6, 0), "versions: the client may go on with version 0")
    for name, key, version in (("an API that does not exist", 4711, 0), ("a negative API key", -1, 0), ("an API removed in Kafka 4.0", 4, 0),
                               ("Metadata 99", 3, 99), ("Metadata -1", 3, -1), ("Produce 99", 0, 99), ("a controllers' API (Vote)", 52, 0)):
        suite.check(words.said_to(address, words.frame(words.head(key, version) + bytes(40))) == b"", f"versions: {name}: closed, as Kafka does")
    with words.Raw(address) as raw:
        raw.say(words.frame(struct.pack(">hhi", 18, 3, 9) + kwire.text("x") + b"\0" + b"\x05bad!\x02y\0"))
        answer = raw.answer() or b""
        suite.check(answer[4:6] == struct.pack(">h", 42), "versions: a client software name with a bad character: INVALID_REQUEST")


PARTS = {"strangers": strangers, "frames": frames, "versions": versions}
