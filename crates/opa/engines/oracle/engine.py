"""The genuine engine, driven over standard input and output: one JSON document a line in, one out.

  {"new": {"modules": [[path, source], ...], "data": {...}}}   begins with an empty engine; answers {"ok": null}
  {"query": "...", "input": ...}                                 answers {"ok": [bindings, ...]}

An error of the engine's is answered as {"error": "..."}. The library is the first argument. The package around it asks for a newer
Python than it needs, so its functions are called as they are.
"""

import ctypes
import json
import sys


class Engine:
    def __init__(self, library):
        self.library = library
        self.handle = library.OpaNew()

    def call(self, function, *arguments):
        answer = function(self.handle, *arguments)
        try:
            told = json.loads(ctypes.string_at(answer))
        finally:
            self.library.OpaFreeString(answer)
        if told.get("error"):
            raise RuntimeError(told["error"].get("message", "unknown"))
        return told.get("result")

    def fill(self, modules, data):
        for path, source in modules:
            self.call(self.library.OpaAddPolicy, path.encode(), source.encode())
        self.call(self.library.OpaAddData, b"", encoded(data))

    def query(self, query, value):
        found = self.call(self.library.OpaEvalQuery, query.encode(), encoded(value), 0, 0)
        return [result.get("bindings", {}) for result in found or []]

    def close(self):
        self.library.OpaDestroy(self.handle)


def encoded(value):
    return json.dumps(value, ensure_ascii=False).encode()


def load(path):
    library = ctypes.CDLL(path)
    library.OpaNew.restype = ctypes.c_uint64
    library.OpaDestroy.argtypes = [ctypes.c_uint64]
    library.OpaFreeString.argtypes = [ctypes.c_void_p]
    text = ctypes.c_char_p
    for function, arguments in (
        (library.OpaAddPolicy, [text, text]),
        (library.OpaAddData, [text, text]),
        (library.OpaEvalQuery, [text, text, ctypes.c_int, ctypes.c_int]),
    ):
        function.restype = ctypes.c_void_p
        function.argtypes = [ctypes.c_uint64, *arguments]
    return library


def main():
    library = load(sys.argv[1])
    engine = None
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            if "new" in asked:
                if engine:
                    engine.close()
                engine = Engine(library)
                engine.fill(asked["new"]["modules"], asked["new"]["data"])
                answer = {"ok": None}
            else:
                answer = {"ok": engine.query(asked["query"], asked["input"])}
        except RuntimeError as error:
            answer = {"error": str(error)}
        sys.stdout.write(json.dumps(answer, ensure_ascii=False) + "\n")
        sys.stdout.flush()


main()
