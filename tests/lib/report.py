"""How a suite speaks: one line per check with its seconds, a closing line `N passed, N failed`, exit code 0 or 1."""
import sys, threading, time


class Report:
    def __init__(self):
        self.passed = self.failed = 0
        self.began = self.last = time.monotonic()
        self.lock = threading.Lock()

    def check(self, good, sentence, began=None):
        """Counts and prints one check; answers `good` so that a caller can give up early. Checks that run side by side name their
        own beginning (of time.monotonic)."""
        with self.lock:
            now = time.monotonic()
            self.passed, self.failed = self.passed + bool(good), self.failed + (not good)
            print(f"{'ok    ' if good else 'FAILED'} {sentence} ({now - (began or self.last):.1f} s)", flush=True)
            self.last = now
        return bool(good)

    def note(self, sentence):
        print(f"       {sentence}", flush=True)

    def finish(self):
        """Prints the closing line and leaves the process."""
        print(f"{time.monotonic() - self.began:.1f} s")
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        sys.exit(1 if self.failed or not self.passed else 0)
