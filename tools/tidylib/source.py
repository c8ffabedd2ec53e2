"""Reads a C file once: text without comments, includes, functions, file-scope and static data, calls.

The tokenizer is small on purpose. It understands what this house writes: C11 with GNU attributes, both branches of a
conditional, macros that look like functions (Criterion's Test), initialisers, function pointers. It does not expand macros.
"""

import re

COMMENT_OR_LITERAL = re.compile(
    r"""//(?:\\\n|[^\n])*|/\*.*?(?:\*/|\Z)|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.S
)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"\n]+)"|<([^>\n]+)>)', re.M)
TOKEN = re.compile(
    r"(^[ \t]*\#(?:\\\n|[^\n])*)|(\n)|([A-Za-z_]\w*|\d[\w.]*|->|[=!<>+\-*/%&|^]=|\S)", re.M
)
CALL = re.compile(r"([A-Za-z_]\w*)\s*\(")
DIRECTIVE = re.compile(r"[ \t]*#[ \t]*(\w+)")
ASSERTS = frozenset(("assert", "static_assert", "_Static_assert"))
ATTRIBUTES = frozenset(("__attribute__", "_Alignas", "alignas", "__asm__", "asm", "__typeof__", "typeof"))
THREAD_LOCAL = frozenset(("_Thread_local", "__thread", "thread_local"))
WORD = re.compile(r"[A-Za-z_]\w*$")


def _newlines(text):
    return "\n" * text.count("\n")


def without_comments(text):
    """Comments become blanks, line numbers stay."""
    return COMMENT_OR_LITERAL.sub(
        lambda m: m.group() if m.group()[0] in "\"'" else " " + _newlines(m.group()), text
    )


def without_literals(text):
    """Strings and characters become empty ones, line numbers stay. Comments must be gone already."""
    return COMMENT_OR_LITERAL.sub(lambda m: m.group()[0] * 2 + _newlines(m.group()), text)


class Function:
    """One function definition: from the first line of its declaration to its closing brace."""

    __slots__ = ("name", "first", "last")

    def __init__(self, name, first, last):
        self.name, self.first, self.last = name, first, last

    @property
    def lines(self):
        return self.last - self.first + 1


class Source:
    """One C file."""

    def __init__(self, path, text):
        self.path = path
        self.text = text
        self.lines = text.count("\n") + (0 if text.endswith("\n") or not text else 1)
        plain = without_comments(text)
        self.code = without_literals(plain)
        self.includes = [  # (line, name, is_system)
            (plain.count("\n", 0, m.start()) + 1, m.group(1) or m.group(2), m.group(1) is None)
            for m in INCLUDE.finditer(plain)
        ]
        self.calls = self._find_calls()
        self.asserts = sum(1 for _, name in self.calls if name in ASSERTS)
        self.functions = []
        self.data = []  # (line, tokens): file-scope declarations that may be objects
        self.locals = []  # (line, tokens): static or thread-local objects inside functions
        self.gotos = []  # lines
        Walk(self).run()

    def _find_calls(self):
        """Every `name (` that is no member call, with its line, in macros too."""
        found = []
        line, at, code = 1, 0, self.code
        for m in CALL.finditer(code):
            start = m.start()
            before = code[start - 1] if start else ""
            if before == "." and code[start - 3 : start] != "...":
                continue
            if before == ">" and code[start - 2 : start] == "->":
                continue
            line += code.count("\n", at, start)
            at = start
            found.append((line, m.group(1)))
        return found


class Walk:
    """One pass over the tokens of a file; fills functions, data, locals and gotos of its Source."""

    def __init__(self, source):
        self.source = source
        self.line = 1
        self.depth = 0  # braces inside the current body or initialiser
        self.kind = None  # what the outermost brace opened: "function", "aggregate" or "value"
        self.pending = []  # (token, line) of the declaration being read at file scope
        self.open = None  # (name, first line) of the function being read
        self.static = None  # (line, tokens) of the static local being read
        self.saved = []  # states at #if, for #else

    def run(self):
        for m in TOKEN.finditer(self.source.code):
            directive, newline, token = m.groups()
            if newline:
                self.line += 1
            elif directive:
                self.conditional(directive)
                self.line += directive.count("\n")
            else:
                self.step(token)

    def conditional(self, directive):
        """Each branch of a conditional starts from the state that stood at its #if."""
        m = DIRECTIVE.match(directive)
        word = m.group(1) if m else ""
        if word in ("if", "ifdef", "ifndef"):
            self.saved.append((self.depth, self.kind, list(self.pending), self.open))
        elif word in ("else", "elif") and self.saved:
            self.depth, self.kind, pending, self.open = self.saved[-1]
            self.pending = list(pending)
        elif word == "endif" and self.saved:
            self.saved.pop()

    def step(self, token):
        if token == "goto":
            self.source.gotos.append(self.line)
        if self.depth == 0:
            self.at_file_scope(token)
        elif token == "{":
            self.depth += 1
            self.follow_static(token)
        elif token == "}":
            self.follow_static(token)
            self.depth -= 1
            if self.depth == 0:
                self.close()
        elif self.kind == "function":
            self.follow_static(token)

    def at_file_scope(self, token):
        if token == ";":
            if self.pending:
                self.source.data.append((self.pending[0][1], [t for t, _ in self.pending]))
            self.pending = []
        elif token == "{":
            self.kind = self.brace_kind()
            if self.kind == "linkage":
                self.pending = []
                return
            self.depth = 1
            if self.kind == "function":
                self.open = (function_name(strip_attributes([t for t, _ in self.pending])), self.pending[0][1])
        elif token != "}":
            self.pending.append((token, self.line))

    def brace_kind(self):
        tokens = strip_attributes([t for t, _ in self.pending])
        if tokens[-1:] == ['"'] and "extern" in tokens:
            return "linkage"
        if top_level_index(tokens, "=") >= 0:
            return "value"
        return "function" if tokens and tokens[-1] == ")" else "aggregate"

    def close(self):
        """The outermost brace closes: a function is complete; a value or an aggregate goes on to its semicolon."""
        if self.kind == "function":
            name, first = self.open
            self.source.functions.append(Function(name, first, self.line))
            self.pending, self.open, self.static = [], None, None
        else:
            self.pending.append(("{}", self.line))
        self.kind = None

    def follow_static(self, token):
        """Collects `static ...` and `_Thread_local ...` declarations inside a function, up to their value or end."""
        if self.static is None:
            if token in THREAD_LOCAL or token == "static":
                self.static = (self.line, [token])
            return
        line, tokens = self.static
        if token in (";", "=", "{"):
            self.static = None
            self.source.locals.append((line, tokens + (["{}", "?"] if token == "{" else [])))
        elif token == "]" and "[" not in tokens:  # int a[static 3] in a local prototype
            self.static = None
        else:
            tokens.append(token)


def strip_attributes(tokens):
    """Drops __attribute__((...)) and its like, wherever they stand."""
    kept, i = [], 0
    while i < len(tokens):
        if tokens[i] in ATTRIBUTES and i + 1 < len(tokens) and tokens[i + 1] == "(":
            i = closing(tokens, i + 1) + 1
        else:
            kept.append(tokens[i])
            i += 1
    return kept


def closing(tokens, start):
    """Index of the bracket that closes the one at start; the last index when none does."""
    level = 0
    for i in range(start, len(tokens)):
        if tokens[i] in "([":
            level += 1
        elif tokens[i] in ")]":
            level -= 1
            if level == 0:
                return i
    return len(tokens) - 1


def top_level_index(tokens, wanted):
    """Index of a token outside all brackets, or -1."""
    level = 0
    for i, token in enumerate(tokens):
        if token in "([":
            level += 1
        elif token in ")]":
            level -= 1
        elif token == wanted and level == 0:
            return i
    return -1


def function_name(tokens):
    """The identifier before the first bracket; for a test macro also what stands in it."""
    for i, token in enumerate(tokens):
        if token == "(" and i > 0:
            name = tokens[i - 1]
            if i == 1:  # Test(suite, name)
                inner = [t for t in tokens[2 : closing(tokens, 1)] if WORD.match(t)]
                return "%s(%s)" % (name, ", ".join(inner[:2]))
            return name
    return "?"


def mutable_object(tokens):
    """The name of the object that a declaration defines if it can change, else None.

    Prototypes, types and extern declarations define none. A pointer is constant when const follows its last star.
    """
    tokens = strip_attributes(tokens)
    if not tokens or tokens[0] in ("typedef", "extern", "static_assert", "_Static_assert"):
        return None
    value = top_level_index(tokens, "=")
    head = tokens if value < 0 else tokens[:value]
    if is_type_only(head) or is_macro_call(head):
        return None
    if THREAD_LOCAL & set(head):
        return object_name(head)
    if is_prototype(head):
        return None
    words = declarator(head)
    stars = [i for i, token in enumerate(words) if token == "*"]
    constant = "const" in (words[stars[-1] + 1 :] if stars else words)
    return None if constant else object_name(head)


def is_type_only(head):
    """struct x {...}, enum {...}, struct x: nothing but a type."""
    words = [t for t in head if t not in ("const", "static", "volatile")]
    if words[:1] and words[0] in ("struct", "union", "enum"):
        return words[-1] == "{}" or len(words) <= 2
    return not words


def is_macro_call(head):
    """NAME(...) alone, as in table-generating macros."""
    return len(head) >= 3 and head[1] == "(" and closing(head, 1) == len(head) - 1


def is_prototype(head):
    """A name and its parameters, not an array and not `(*pointer)(...)`."""
    for i, token in enumerate(head):
        if token == "[":
            return False
        if token == "(":
            pointer = head[i + 1 : i + 2] == ["*"]
            return not pointer or head[i + 3 : i + 4] == ["("]  # (*name(...))(...) returns a pointer
    return False


def declarator(head):
    """The tokens outside array bounds and outside the parameters of a function pointer."""
    kept, level = [], 0
    for i, token in enumerate(head):
        if token in "([":
            pointer = token == "(" and level == 0 and head[i + 1 : i + 2] == ["*"]
            level += 0 if pointer else 1
        elif token in ")]":
            level -= 1 if level else 0
        elif level == 0:
            kept.append(token)
    return kept


def object_name(head):
    """The identifier that people will look for: inside `(*name)`, else the last one before a bracket."""
    for i, token in enumerate(head):
        if token == "(" and head[i + 1 : i + 2] == ["*"]:
            head = head[i + 1 : closing(head, i)]
            break
    name = "?"
    for token in head:
        if token in "([":
            break
        if token != "const" and WORD.match(token):
            name = token
    return name
