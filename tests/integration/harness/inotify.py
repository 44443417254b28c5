# SPDX-License-Identifier: Apache-2.0
"""Proof that files were left alone: inotify events and snapshots of a folder."""
import ctypes
import hashlib
import os
import struct

MODIFY, ATTRIB, CLOSE_WRITE = 0x2, 0x4, 0x8
MOVED_FROM, MOVED_TO, CREATE, DELETE = 0x40, 0x80, 0x100, 0x200
NAMES = {MODIFY: "written", ATTRIB: "attributes", CLOSE_WRITE: "opened for writing", MOVED_FROM: "moved away",
         MOVED_TO: "replaced", CREATE: "created", DELETE: "deleted"}
PRIVATE = ".lockstep"  # the agent's own journal and preparations: not live files

_libc = ctypes.CDLL(None, use_errno=True)


class Watcher:
    """Every change below `root` (but in its private folder) since it was made.

    A file that is opened for writing and not written still shows, as CLOSE_WRITE, when it is closed.
    """

    def __init__(self, root):
        self.fd = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1")
        self.dirs = {}
        for folder, subs, _ in os.walk(root):
            subs[:] = [s for s in subs if s != PRIVATE]
            wd = _libc.inotify_add_watch(self.fd, folder.encode(), ctypes.c_uint32(sum(NAMES)))
            if wd < 0:
                raise OSError(ctypes.get_errno(), "inotify_add_watch " + folder)
            self.dirs[wd] = os.path.relpath(folder, root)

    def events(self):
        """What happened, as readable lines; each is told once."""
        out = []
        while True:
            try:
                data = os.read(self.fd, 65536)
            except BlockingIOError:
                return out
            at = 0
            while at < len(data):
                wd, mask, _, size = struct.unpack_from("iIII", data, at)
                name = data[at + 16:at + 16 + size].rstrip(b"\0").decode("utf-8", "replace")
                at += 16 + size
                if name == PRIVATE:
                    continue
                what = ", ".join(t for bit, t in NAMES.items() if mask & bit) or hex(mask)
                out.append("%s: %s" % (os.path.normpath(os.path.join(self.dirs.get(wd, "?"), name)), what))

    def close(self):
        os.close(self.fd)


def snapshot(root):
    """path -> (inode, size, mtime, digest) of every file below root but the private folder."""
    out = {}
    for folder, subs, files in os.walk(root):
        subs[:] = [s for s in subs if s != PRIVATE]
        for name in files:
            path = os.path.join(folder, name)
            st = os.stat(path)
            with open(path, "rb") as f:
                digest = hashlib.sha256(f.read()).hexdigest()
            out[os.path.relpath(path, root)] = (st.st_ino, st.st_size, st.st_mtime_ns, digest)
    return out


def contents(root):
    """path -> digest: the bytes only."""
    return {path: row[3] for path, row in snapshot(root).items()}
