#!/usr/bin/env python3
"""Seeds for the fuzz targets: seeds.py DIRECTORY writes DIRECTORY/batch and DIRECTORY/codec out of the batches of real clients,
and DIRECTORY/kmsg out of the messages of Kafka's codec (tests/wire/vectors)."""
import glob, os, struct, sys

HERE = os.path.dirname(os.path.abspath(__file__))


def request_headers():
    """(api key, version) -> header bytes"""
    headers = {}
    with open(os.path.join(HERE, "..", "wire", "vectors", "headers.txt")) as f:
        for name, place, text in map(str.split, f):
            if name == "RequestHeader":
                headers[tuple(map(int, place.split(":")))] = bytes.fromhex(text)
    return headers


def kmsg_seeds(folder):
    """One request frame each: an even byte, the size of pieces, then the stream."""
    sys.path.insert(0, os.path.join(HERE, "..", "words"))
    import ours
    apis, _ = ours.load()
    keys, headers = {a.request.official_name(): a.key for a in apis}, request_headers()
    for path in glob.glob(os.path.join(HERE, "..", "wire", "vectors", "*.txt")):
        with open(path) as f:
            for number, line in enumerate(f):
                name, version, *text = line.split()
                if name in keys:
                    frame = headers[keys[name], int(version)] + bytes.fromhex("".join(text))
                    with open(os.path.join(folder, f"{name}-{version}-{number}"), "wb") as seed:
                        seed.write(b"\0\x40" + struct.pack(">i", len(frame)) + frame)


def main():
    for name in ("batch", "codec", "kmsg"):
        os.makedirs(os.path.join(sys.argv[1], name), exist_ok=True)
    kmsg_seeds(os.path.join(sys.argv[1], "kmsg"))
    for path in glob.glob(os.path.join(HERE, "..", "vectors", "batches", "*.hex")):
        with open(path) as f:
            batch = bytes.fromhex(f.read())
        codec, stem = batch[22] & 7, os.path.basename(path)[:-4]
        if codec == 0:
            with open(os.path.join(sys.argv[1], "batch", stem), "wb") as f:
                f.write(b"\0" + batch)
        else:
            with open(os.path.join(sys.argv[1], "codec", stem), "wb") as f:
                f.write(bytes([codec - 1]) + batch[61:])


if __name__ == "__main__":
    main()
