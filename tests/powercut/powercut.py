#!/usr/bin/env python3
"""Power cuts from a trace: which directory could be found after the power went?

usage: powercut.py ROOT IMAGE CUTS SEED TRACE... -- COMMAND...

Replays what a program did under ROOT by its strace output. Only fsync and fdatasync make bytes durable, and only
the fsync of a directory makes its names durable; syncfs does both for everything; sync_file_range does nothing. Of
what was not made durable, each piece of 4,096 bytes and the first few changes of names survive by chance. At CUTS
moments, half of them right after the program acknowledged something ("ack ..." on stdout), a quarter where a file gets
its name, a quarter at any system call, such a directory is written to IMAGE and COMMAND is run with ACKNOWLEDGED in its
environment. Exit code 0: every command succeeded.
"""

import collections
import os
import random
import re
import shutil
import subprocess
import sys

PIECE = 4096


class File:
    """Bytes as the program sees them, bytes on the disk, and writes in between."""

    def __init__(self):
        self.seen = bytearray()
        self.durable = bytearray()
        self.pending = []  # ("write", offset, bytes) or ("length", n)
        self.synced = 0  # changes that were made durable

    def changes(self):
        """How many there were until now."""
        return self.synced + len(self.pending)

    def write(self, offset, data):
        put(self.seen, offset, data)
        position, end = offset, offset + len(data)
        while position < end:
            stop = min(end, (position // PIECE + 1) * PIECE)
            self.pending.append(("write", position, data[position - offset:stop - offset]))
            position = stop

    def set_length(self, length):
        cut(self.seen, length)
        self.pending.append(("length", length))

    def sync(self, changes):
        """Makes durable the first so many: those that there were when the call began."""
        more = max(0, changes - self.synced)
        for change in self.pending[:more]:
            self.apply(self.durable, change)
        del self.pending[:more]
        self.synced += more

    def survivor(self, chance):
        data = bytearray(self.durable)
        for change in self.pending:
            if random.random() < chance:
                self.apply(data, change)
        return data

    @staticmethod
    def apply(data, change):
        if change[0] == "length":
            cut(data, change[1])
        else:
            put(data, change[1], change[2])


def put(data, offset, more):
    if len(data) < offset + len(more):
        data.extend(bytes(offset + len(more) - len(data)))
    data[offset:offset + len(more)] = more


def cut(data, length):
    if len(data) > length:
        del data[length:]
    else:
        data.extend(bytes(length - len(data)))


class Disk:
    """Names and files under the root."""

    def __init__(self, root):
        self.root = root
        self.names = {}
        self.durable = {}
        self.pending = []  # changes of names, in order: what, name, file, and the old name of a renamed one
        self.folders = {root}

    def inside(self, path):
        return path == self.root or path.startswith(self.root + "/")

    def change(self, *change):
        self.apply(self.names, change)
        self.pending.append(change)

    @staticmethod
    def apply(names, change):
        kind, path, file, *source = change
        if kind == "remove":
            names.pop(path, None)
        else:
            names[path] = file
        for old in source:
            names.pop(old, None)

    def sync_folder(self, folder):
        kept = []
        for change in self.pending:
            if os.path.dirname(change[1]) == folder:
                self.apply(self.durable, change)
            else:
                kept.append(change)
        self.pending = kept

    def sync_all(self, files, names):
        """Makes durable what there was when the call began: changes of each file, and changes of names."""
        for file, changes in files:
            file.sync(changes)
        begun = set(map(id, names))
        for change in self.pending:
            if id(change) in begun:
                self.apply(self.durable, change)
        self.pending = [change for change in self.pending if id(change) not in begun]

    def everything(self):
        """What there is now, for sync_all."""
        files = set(self.names.values()) | {change[2] for change in self.pending if change[2]}
        return [(file, file.changes()) for file in files], list(self.pending)

    def write_image(self, image):
        shutil.rmtree(image, ignore_errors=True)
        chance = random.choice([0.0, 0.5, 0.9, 1.0])
        names = dict(self.durable)
        survive = random.randint(0, len(self.pending)) if chance else 0
        for change in self.pending[:survive]:
            self.apply(names, change)
        for folder in self.folders:
            os.makedirs(image + folder[len(self.root):], exist_ok=True)
        for path, file in names.items():
            target = image + path[len(self.root):]
            with open(target, "wb") as out:
                out.write(file.survivor(chance))

    def differences(self):
        """Where the replay is not what the program left: then the trace was misread."""
        found = set()
        for folder, _, files in os.walk(self.root):
            for name in files:
                path = os.path.join(folder, name)
                with open(path, "rb") as real:
                    if path not in self.names or bytes(self.names[path].seen) != real.read():
                        found.add(path)
        return found | {path for path in self.names if not os.path.exists(path)}


def text_of(escaped):
    return bytes_of(escaped).decode() if escaped.startswith("\\x") else escaped


def bytes_of(escaped):
    return bytes.fromhex(escaped.replace("\\x", ""))


def strings(arguments):
    return re.findall(r'"((?:\\x[0-9a-f]{2})*)"', arguments)


class Replay:
    """Turns lines of strace into changes of the disk."""

    def __init__(self, disk):
        self.disk = disk
        self.positions = {}
        self.acknowledged = ""
        self.unfinished = {}

    def line(self, line):
        """Replays a line; tells whether it acknowledged something."""
        match = re.match(r"(\d+) +(.*)$", line)
        if not match:
            return False
        process, call = match.groups()
        resumed = re.match(r"<\.\.\. \w+ resumed>(.*)$", call)
        begun = None
        if resumed:
            if process not in self.unfinished:
                return False
            start, begun = self.unfinished.pop(process)
            call = start + resumed.group(1)
        elif call.endswith("<unfinished ...>"):
            call = call[:-len("<unfinished ...>")].rstrip()
            self.unfinished[process] = (call, self.pending_at(call))
            return False
        match = re.match(r"(\w+)\((.*)\)\s+= (.*)$", call)
        if not match or match.group(3).startswith(("-1", "?")):
            return False
        return self.call(*match.groups(), begun)

    def pending_at(self, call):
        """A sync covers what was written before it began."""
        if call.startswith("syncfs("):
            return self.disk.everything()
        match = re.match(r"(?:fsync|fdatasync)\(\d+<([^>]*)>", call)
        file = self.disk.names.get(text_of(match.group(1))) if match else None
        return file.changes() if file else None

    def call(self, name, arguments, result, begun):
        match = re.match(r"(\d+|AT_FDCWD)<([^>]*)>", arguments)
        number, path = (match.group(1), text_of(match.group(2))) if match else (None, "")
        if name == "write" and number == "1":
            lines = text_of(strings(arguments)[0]).split("\n")
            said = [line for line in lines if line.startswith("ack ")]
            self.acknowledged = said[-1][4:] if said else self.acknowledged
            return bool(said)
        if name in ("openat", "open"):
            self.open(arguments, result)
        elif name in ("rename", "renameat", "renameat2", "unlink", "unlinkat", "mkdir", "mkdirat"):
            self.name_change(name, [text_of(path) for path in strings(arguments)])
        elif self.disk.inside(path):
            self.file_change(name, number, path, arguments, result, begun)
        return False

    def open(self, arguments, result):
        path = text_of(re.search(r"<([^>]*)>", result).group(1))
        if not self.disk.inside(path):
            return
        if "O_DIRECTORY" in arguments or path in self.disk.folders:
            self.disk.folders.add(path)
            return
        if path not in self.disk.names:
            self.disk.change("create", path, File())
        if "O_TRUNC" in arguments and self.disk.names[path].seen:
            self.disk.names[path].set_length(0)
        self.positions[(result.split("<")[0], path)] = 0

    def name_change(self, name, paths):
        if not self.disk.inside(paths[0]):
            return
        if name.startswith("rename"):
            self.disk.change("rename", paths[1], self.disk.names[paths[0]], paths[0])
        elif name.startswith("unlink"):
            self.disk.change("remove", paths[0], None)
        else:
            self.disk.folders.add(paths[0])

    def file_change(self, name, number, path, arguments, result, begun):
        if name == "syncfs":
            self.disk.sync_all(*(begun or self.disk.everything()))
            return
        if name in ("fsync", "fdatasync") and path in self.disk.folders:
            self.disk.sync_folder(path)
            return
        file = self.disk.names.get(path)
        if file is None:
            return
        numbers = [int(n) for n in re.findall(r", (\d+)", arguments)]
        if name in ("fsync", "fdatasync"):
            file.sync(file.changes() if begun is None else begun)
        elif name == "lseek":
            self.positions[(number, path)] = int(result.split()[0])
        elif name == "ftruncate":
            file.set_length(numbers[0])
        elif name == "fallocate":
            file.set_length(max(len(file.seen), numbers[-2] + numbers[-1]))
        elif name in ("write", "writev", "pwrite64", "pwritev"):
            data = b"".join(bytes_of(part) for part in strings(arguments))[:int(result.split()[0])]
            key = (number, path)
            offset = numbers[-1] if name.startswith("p") else self.positions.get(key, 0)
            if not name.startswith("p"):
                self.positions[key] = offset + len(data)
            file.write(offset, data)


def main():
    split = sys.argv.index("--")
    root, image, cuts, seed, *traces = sys.argv[1:split]
    command = sys.argv[split + 1:]
    random.seed(int(seed))
    lines = [line.rstrip("\n") for trace in traces for line in open(trace, errors="replace")]
    at_acknowledgements = int(cuts) // 2
    said = [number for number, line in enumerate(lines) if re.search(r" write\(1<.*\\x61\\x63\\x6b\\x20", line)]
    after = set(random.sample(said, min(at_acknowledgements, len(said))))
    # Where names are given, the bytes under them may not be there yet.
    renames = [number for number, line in enumerate(lines) if re.match(r"\d+ +rename", line)]
    others = int(cuts) - at_acknowledgements
    anywhere = set(random.sample(renames, min(others // 2, len(renames))))
    anywhere |= set(random.sample(range(len(lines)), min(others - others // 2, len(lines))))
    disk = Disk(root)
    replay = Replay(disk)
    results = collections.Counter()
    for number, line in enumerate(lines):
        acknowledges = replay.line(line)
        if number in anywhere or (acknowledges and number in after):
            disk.write_image(image)
            run = subprocess.run(
                command, env={**os.environ, "ACKNOWLEDGED": replay.acknowledged}, capture_output=True, text=True,
                timeout=60, check=False)
            results[run.returncode] += 1
            if run.returncode != 0:
                print(f"cut at line {number}, acknowledged {replay.acknowledged!r}: {run.stdout}{run.stderr}"[:2000])
    different = disk.differences()
    print(f"{sum(results.values())} cuts, exit codes {dict(results)}, misread files {sorted(different)[:5]}")
    sys.exit(1 if different or set(results) != {0} else 0)


if __name__ == "__main__":
    main()
