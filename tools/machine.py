"""What a measurement was made on: processor, software, commit, date."""

import os
import platform
from datetime import UTC, datetime

from facerec.parallel import num_workers
from facerec.run_record import commit, gpu, processor
from tools.profile import current

FLAGS = ("avx2", "avx512_f", "avx512_bf16", "amx_bf16")


def describe() -> list[str]:
    """Returns lines that describe the machine, the software, the parameters and the date."""
    import torch  # takes seconds to import

    available = torch.cpu.get_capabilities()
    flags = [name for name in FLAGS if available.get(name)]
    if limit := os.environ.get("ONEDNN_MAX_CPU_ISA"):
        flags.append(f"ONEDNN_MAX_CPU_ISA={limit}")
    return [
        f"processor: {processor()}, {num_workers()} cores; {', '.join(flags) or 'no flags'}",
        f"GPU: {gpu()}",
        f"Python {platform.python_version()}, torch {torch.__version__}",
        f"parameters: {current()}, commit {commit()}, {datetime.now(UTC):%Y-%m-%d}",
    ]
