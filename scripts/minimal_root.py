"""Make the root file system of an image that holds a Python environment and nothing else: no shell, no pip.

    python3 minimal_root.py ROOTFS ENVIRONMENT

Runs in the build stage of the Dockerfiles. Copies the environment, the interpreter with its standard library,
the shared libraries that these are linked with, the certificates of the authorities that the system trusts
and a few lines of /etc. What is installed can be told from the image: dpkg's records of the packages that the
files come from are in /var/lib/dpkg/status.d, where scanners look for them in images without dpkg, and
Python's are in the environment's *.dist-info.
"""

import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

USER = 65532
LEFT_OUT = (
    *("ensurepip", "site-packages", "venv"),
    *("idlelib", "lib2to3", "pydoc_data", "tkinter", "_tkinter*", "turtledemo"),
    *("test", "_test*", "_ctypes_test*", "_xx*", "xxlimited*"),
    "config-*",
)
"""Parts of the standard library: installers, and what no server needs."""
AUTHORITIES = Path("/etc/ssl/certs")
SYSTEM_FILES = ("/etc/os-release", "/usr/lib/os-release", "/etc/ssl/openssl.cnf", "/usr/lib/ssl")
WRITTEN = {
    # Kopf asks for the name of the user it runs as, which fails for a UID without an entry.
    "etc/passwd": f"root:x:0:0::/:/nologin\nnonroot:x:{USER}:{USER}::/nonexistent:/nologin\n",
    "etc/group": f"root:x:0:\nnonroot:x:{USER}:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}


def main(root: Path, environment: Path) -> None:
    """Make `root`, which must not exist."""
    interpreter = Path(sys.executable).resolve()
    library = Path(sysconfig.get_path("stdlib"))
    trees = [_copy_tree(library, root, LEFT_OUT), _copy_tree(environment, root, ())]
    wanted = [interpreter, *_links_to(interpreter), *(Path(name) for name in SYSTEM_FILES)]
    shared = sorted(set(_libraries([interpreter, *_shared_objects(trees, root)], root)))
    for path in (*wanted, *shared):
        _copy(path, root)
    # Looked up by the hash in their names; what these lead to is elsewhere.
    shutil.copytree(AUTHORITIES, root / AUTHORITIES.relative_to("/"), dirs_exist_ok=True)
    for name, text in WRITTEN.items():
        (root / name).write_text(text)
    (root / "tmp").mkdir()
    (root / "tmp").chmod(0o1777)
    _record_packages([interpreter, library / "os.py", AUTHORITIES, *shared], root)


def _copy_tree(tree: Path, root: Path, left_out: Iterable[str]) -> Path:
    target = root / tree.relative_to("/")
    shutil.copytree(tree, target, symlinks=True, ignore=shutil.ignore_patterns(*left_out))
    return target


def _copy(path: Path, root: Path) -> None:
    """Copy a file or a symbolic link; of a link, also what it leads to."""
    if not (path.exists() or path.is_symlink()):
        return
    for above in reversed(path.parents):
        _make_parent(above, root)
    target = root / path.relative_to("/")
    if target.exists() or target.is_symlink():
        return
    if path.is_dir() and not path.is_symlink():
        shutil.copytree(path, target, symlinks=True)
        return
    shutil.copy2(path, target, follow_symlinks=False)
    if path.is_symlink():
        _copy(path.resolve(), root)


def _make_parent(path: Path, root: Path) -> None:
    """A folder, or the link that stands in its place, as /lib does for /usr/lib."""
    target = root / path.relative_to("/")
    if target.exists() or target.is_symlink():
        return
    if path.is_symlink():
        target.symlink_to(path.readlink())
        (root / path.resolve().relative_to("/")).mkdir(parents=True, exist_ok=True)
    else:
        target.mkdir(parents=True)


def _links_to(interpreter: Path) -> Iterator[Path]:
    """The names of the interpreter beside it."""
    for link in interpreter.parent.glob("python3*"):
        if link.is_symlink() and link.resolve() == interpreter:
            yield link


def _shared_objects(trees: Iterable[Path], root: Path) -> Iterator[Path]:
    """The extension modules that were copied, by their paths in the build stage."""
    for tree in trees:
        yield from (Path("/") / path.relative_to(root) for path in tree.rglob("*.so"))


def _libraries(objects: Iterable[Path], root: Path) -> Iterator[Path]:
    """What the dynamic linker would load for these, the linker itself included.

    An extension module that could not be loaded in the build stage either is taken out: packages bring pure
    Python for that case.
    """
    for each in objects:
        said = subprocess.run(["ldd", str(each)], capture_output=True, text=True, check=False).stdout
        if "not found" in said:
            (root / each.relative_to("/")).unlink()
            print(f"left out: {each}, linked with a library that is not there")
            continue
        for line in said.splitlines():
            words = line.replace("=>", " ").split()
            yield from (Path(word) for word in words if word.startswith("/"))


def _record_packages(files: Iterable[Path], root: Path) -> None:
    """Write dpkg's record of each package that a file comes from."""
    records = root / "var/lib/dpkg/status.d"
    records.mkdir(parents=True)
    for path in files:
        # Since /lib became a link to /usr/lib, packages may own a file under either name.
        for name in {str(path), str(path.resolve()), str(path.resolve()).removeprefix("/usr")}:
            said = subprocess.run(["dpkg-query", "-S", name], capture_output=True, text=True, check=False)
            for package in _owners(said.stdout):
                record = subprocess.run(
                    ["dpkg-query", "-s", package], capture_output=True, text=True, check=True
                )
                (records / package.partition(":")[0]).write_text(record.stdout)


def _owners(listing: str) -> Iterator[str]:
    """The packages in what `dpkg-query -S` prints."""
    for line in listing.splitlines():
        packages, _, path = line.partition(": ")
        if path and not packages.startswith("diversion by "):
            yield from packages.split(", ")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
