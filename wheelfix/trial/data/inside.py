"""Runs in an environment's interpreter: imports modules one by one, and tells how each went.

Arguments: how many of the modules are at the top (0 or 1), and the modules. Standard output gets a line of
JSON for each module that was imported or raised an error; if one at the top raised it, the others are left
out. What is imported here for that is imported after the first module, which would else find it there.
"""

import os
import sys

MOST = 1 << 14
answers = os.dup(1)
os.dup2(2, 1)
tops, modules = int(sys.argv[1]), sys.argv[2:]
del sys.argv[1:]


def describe(error):
    import traceback

    # Without the frame of this program.
    lines = traceback.format_exception(type(error), error, error.__traceback__.tb_next)
    own = "".join(traceback.format_exception_only(type(error), error))
    message = [line.strip() for line in own.splitlines() if line.strip()]
    frame = error.__traceback__
    while frame.tb_next:
        frame = frame.tb_next
    absent = error.name if isinstance(error, ModuleNotFoundError) else None
    return {
        "line": clean(" … ".join(message[:: max(1, len(message) - 1)])[:MOST]),
        "file": clean(frame.tb_frame.f_code.co_filename),
        "text": clean("".join(lines)[-MOST:]),
        "absent": clean(absent) if isinstance(absent, str) else None,
    }


def clean(text):
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


for module in modules:
    error = None
    if module not in sys.modules:
        try:
            __import__(module)
        except BaseException as caught:
            try:
                error = describe(caught)
            except BaseException:
                error = {"line": type(caught).__name__, "file": "", "text": "", "absent": None}
    import json

    line = json.dumps({"module": module, "error": error}) + "\n"
    data = line.encode("ascii")
    while data:
        data = data[os.write(answers, data) :]
    if error and tops:
        break
    tops = 0

# Libraries that were opened in a half-made world need not be able to end well.
os._exit(0)
