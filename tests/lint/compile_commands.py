#!/usr/bin/python3
"""Print compile_commands.json: compile_commands.py 'cc and its flags' SOURCE..."""
# SPDX-License-Identifier: Apache-2.0
import json
import os
import shlex
import sys

flags = shlex.split(sys.argv[1])
json.dump([{"directory": os.getcwd(), "file": f, "arguments": flags + ["-c", f]} for f in sys.argv[2:]], sys.stdout, indent=1)
