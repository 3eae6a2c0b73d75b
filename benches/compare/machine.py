"""Facts about the machine and the run that a reader needs to judge the figures."""

from __future__ import annotations

import os
import platform
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

VECTOR_FLAGS = ("sse4_2", "avx2", "bmi2", "avx512f", "avx512bw", "avx512vbmi", "avx512_vbmi2", "asimd", "sve")


def facts() -> dict[str, Any]:
    """Processor, memory, kernel, Python and date. No names of users, hosts or folders."""
    cpuinfo = _read("/proc/cpuinfo")
    flags = set(_field(cpuinfo, "flags", "Features").split())
    return {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "cpu": _field(cpuinfo, "model name", "Hardware") or platform.processor() or platform.machine(),
        "cpu_family_model_stepping": [_field(cpuinfo, name) for name in ("cpu family", "model", "stepping")],
        "architecture": platform.machine(),
        "cores": len(available_cores()),
        "vector_flags": [flag for flag in VECTOR_FLAGS if flag in flags],
        "virtual": "hypervisor" in flags,
        "caches": _caches(),
        "governor": _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").strip() or None,
        "huge_pages": _read("/sys/kernel/mm/transparent_hugepage/enabled").strip() or None,
        "memory_kb": int((_field(_read("/proc/meminfo"), "MemTotal") or "0 kB").split()[0]),
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load_average": load_average(),
    }


def available_cores() -> list[int]:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def load_average() -> list[float] | None:
    """Load of the last 1, 5 and 15 minutes."""
    return [round(value, 2) for value in os.getloadavg()] if hasattr(os, "getloadavg") else None


def keep_off(cores: list[int]) -> None:
    """Move this process away from the measured cores where there are others."""
    others = [core for core in available_cores() if core not in cores]
    if others and sys.platform == "linux":
        os.sched_setaffinity(0, others)


def _caches() -> dict[str, str]:
    result = {}
    for folder in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        kind = _read(folder / "type").strip()
        if kind != "Instruction":
            result[f"L{_read(folder / 'level').strip()}"] = _read(folder / "size").strip()
    return result


def _read(path: str | Path) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _field(text: str, *names: str) -> str:
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip() in names:
            return value.strip()
    return ""
