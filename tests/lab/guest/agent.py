"""The guest's first process once its network stands: does what the machine asks on the serial line.

One JSON request a line, one JSON answer a line, matched by ``id``, each request in a thread of its own.
What was read is acknowledged: the line loses what is more than its buffer holds.
The end of the line (the machine's side is gone) powers the guest off.
"""

# os instead of pathlib, for every import counts in the guest:
# ruff: noqa: PTH104, PTH110, PTH123
import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
import time
import tty

PORT = "/dev/ttyS0"
POWER_OFF = 0x4321FEDC  # LINUX_REBOOT_CMD_POWER_OFF
CLONE_NEWNET = 0x40000000
OUTPUT_LIMIT = 200_000
libc = ctypes.CDLL(None, use_errno=True)

services = {}
services_lock = threading.Lock()
batch_lock = threading.Lock()
write_lock = threading.Lock()


def enter(name):
    """Move the calling thread, and so what it starts, to a namespace: saves a process for each command."""
    path = "/proc/1/task/1/ns/net" if name in (None, "", "left") else f"/run/netns/{name}"
    namespace = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if libc.setns(namespace, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns to {path}")
    finally:
        os.close(namespace)


def run(step):
    """One command to its end: {"argv": [...], "ns": ..., "stdin": ..., "timeout": seconds, "env": {...}}."""
    enter(step.get("ns"))
    try:
        done = subprocess.run(
            step["argv"],
            input=step.get("stdin", ""),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=step.get("timeout", 30),
            env={**os.environ, **step.get("env", {})},
            check=False,
        )
    except FileNotFoundError as error:
        return {"rc": 127, "out": "", "err": str(error)}
    except subprocess.TimeoutExpired as error:
        said = (error.stdout or b"").decode(errors="replace")
        return {"rc": 124, "out": said[-OUTPUT_LIMIT:], "err": f"no end within {step.get('timeout', 30)} s"}
    return {"rc": done.returncode, "out": done.stdout[-OUTPUT_LIMIT:], "err": done.stderr[-OUTPUT_LIMIT:]}


def batch(request):
    """Steps in order, one batch at a time; the first failing step that is not "tolerant" ends it."""
    with batch_lock:
        for number, step in enumerate(request["steps"]):
            answer = STEPS[step.get("op", "run")](step)
            if answer["rc"] != 0 and not step.get("tolerant"):
                return {**answer, "failed": number}
    return {"rc": 0}


def spawn(step):
    """Start the service ``key`` unless it runs; its output goes to /run/KEY.log."""
    key = step["key"]
    with services_lock:
        if key in services and services[key].poll() is None:
            return {"rc": 0, "pid": services[key].pid}
        enter(step.get("ns"))
        with open(f"/run/{key}.log", "ab") as log:
            services[key] = subprocess.Popen(
                step["argv"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **step.get("env", {})},
            )
        return {"rc": 0, "pid": services[key].pid}


def kill(step):
    """End the service ``key``; not running is fine."""
    with services_lock:
        process = services.pop(step["key"], None)
    if process is not None:
        process.send_signal(step.get("signal", signal.SIGKILL))
        process.wait(10)
    return {"rc": 0}


def list_services(_request):
    with services_lock:
        return {"rc": 0, "services": {key: process.poll() is None for key, process in services.items()}}


def await_file(step):
    deadline = time.monotonic() + step.get("timeout", 10)
    while not os.path.exists(step["path"]):
        if time.monotonic() > deadline:
            return {"rc": 1, "out": "", "err": f"{step['path']} did not appear"}
        time.sleep(0.005)
    return {"rc": 0}


def read(step):
    try:
        with open(step["path"], errors="replace") as file:
            return {"rc": 0, "out": file.read()[-OUTPUT_LIMIT:]}
    except FileNotFoundError as error:
        return {"rc": 1, "out": "", "err": str(error)}


def write(step):
    """Replace a file under /run at once, so that no reader sees half of it."""
    new = step["path"] + ".new"
    with open(new, "w") as file:
        file.write(step["text"])
    os.rename(new, step["path"])
    return {"rc": 0}


def power_off(_request):
    threading.Timer(0.1, lambda: libc.reboot(POWER_OFF)).start()
    return {"rc": 0}


def hello(_request):
    with open("/proc/uptime") as file:
        return {"rc": 0, "uptime": float(file.read().split()[0]), "kernel": os.uname().release}


STEPS = {"run": run, "spawn": spawn, "kill": kill, "await_file": await_file, "read": read, "write": write}
OPERATIONS = {**STEPS, "batch": batch, "services": list_services, "off": power_off, "hello": hello}


def send(line, answer):
    data = (json.dumps(answer) + "\n").encode()
    with write_lock:
        while data:
            data = data[os.write(line, data) :]


def handle(line, text):
    request = {}
    try:
        request = json.loads(text)
        answer = OPERATIONS[request.get("op", "run")](request)
    except Exception as error:  # whatever it is, the asker gets an answer
        answer = {"rc": 3, "out": "", "err": repr(error)}
    send(line, {"id": request.get("id"), **answer})


def main():
    line = os.open(PORT, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(line)
    send(line, {"event": "ready", **hello({})})
    pending = b""
    while data := os.read(line, 65536):
        send(line, {"event": "read", "octets": len(data)})
        *complete, pending = (pending + data).split(b"\n")
        for text in filter(bytes.strip, complete):
            threading.Thread(target=handle, args=(line, text), daemon=True).start()


try:
    main()
except BaseException as error:
    with contextlib.suppress(OSError):
        print(repr(error), file=sys.stderr, flush=True)
libc.reboot(POWER_OFF)
