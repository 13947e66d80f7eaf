"""Look up known vulnerabilities of what requirements.lock installs, where the network allows it."""

import re
import subprocess
import sys

COMMAND = [
    "pip-audit",
    "--strict",
    "--progress-spinner",
    "off",
    "--require-hashes",
    "--disable-pip",
]
COMMAND += ["-r", "requirements.lock"]
FOUND = "known vulnerabilit"
UNREACHED = (  # how pip-audit's last lines begin where the service did not answer, or a mirror that stands for it
    r"ERROR:pip_audit\._cli:\S+: Dependency not found on PyPI and could not be audited: ",
    r"ERROR:pip_audit\._cli:Could not connect to PyPI's vulnerability feed",
    r"requests\.exceptions\.(ConnectionError|ProxyError|SSLError|ReadTimeout): ",
)


def main() -> None:
    """Exits as pip-audit does, but for a want of the service, which is told and excused."""
    try:
        result = subprocess.run(
            COMMAND, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
    except FileNotFoundError:
        sys.exit("error: pip-audit is not installed")
    print(result.stdout, end="", flush=True)
    if result.returncode and not is_unreached(result.stdout):
        sys.exit(f"error: pip-audit: exit code {result.returncode}, see above")
    if result.returncode:
        print(
            "pip-audit: the vulnerability service was not reached, nothing was looked up; the rest is in order"
        )


def is_unreached(output: str) -> bool:
    """Returns whether pip-audit failed for want of the vulnerability service alone."""
    return FOUND not in output and any(
        re.search(f"^{line}", output, re.MULTILINE) for line in UNREACHED
    )


if __name__ == "__main__":
    main()
