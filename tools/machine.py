"""What a measurement was made on: processor, software, commit, date."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from facerec.parallel import num_workers
from tools.profile import current

FLAGS = ("avx2", "avx512_f", "avx512_bf16", "amx_bf16")
WRITTEN = (":!docs/results", ":!docs/timings.md", ":!metrics")  # by measurements, not measured


def describe() -> list[str]:
    """Returns lines that describe the machine, the software, the parameters and the date."""
    import torch  # takes seconds to import

    available = torch.cpu.get_capabilities()
    flags = [name for name in FLAGS if available.get(name)]
    if limit := os.environ.get("ONEDNN_MAX_CPU_ISA"):
        flags.append(f"ONEDNN_MAX_CPU_ISA={limit}")
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    return [
        f"processor: {processor()}, {num_workers()} cores; {', '.join(flags) or 'no flags'}",
        f"GPU: {gpu}",
        f"Python {platform.python_version()}, torch {torch.__version__}",
        f"parameters: {current()}, commit {commit()}, {datetime.now(UTC):%Y-%m-%d}",
    ]


def processor() -> str:
    """Returns the processor's name, as the system says it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next(
        (line.split(":")[1].strip() for line in lines if line.startswith("model name")),
        platform.machine(),
    )


def commit() -> str:
    """Returns the commit of the working folder, with -dirty if more than WRITTEN has changed."""
    changed = _git("status", "--porcelain", "--untracked-files=no", *WRITTEN)
    return (_git("rev-parse", "--short", "HEAD") or "none") + ("-dirty" if changed else "")


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], capture_output=True, text=True).stdout.strip()
