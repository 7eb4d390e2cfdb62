"""What Python's PostgreSQL clients do with the port: ask.py NAME... runs the
programs ask_NAME.py beside it."""

import importlib
import sys
import traceback

import common

for name in sys.argv[1:]:
    try:
        importlib.import_module("ask_" + name).main()
    except Exception:
        traceback.print_exc(file=sys.stdout)
        common.Client(name).check("end", "is reached", False)
sys.exit(common.failed)
