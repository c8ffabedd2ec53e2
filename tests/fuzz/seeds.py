#!/usr/bin/env python3
"""Seeds for fuzz_batch and fuzz_codec out of the batches of real clients: seeds.py DIRECTORY writes DIRECTORY/batch and DIRECTORY/codec."""
import glob, os, sys

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    for name in ("batch", "codec"):
        os.makedirs(os.path.join(sys.argv[1], name), exist_ok=True)
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
