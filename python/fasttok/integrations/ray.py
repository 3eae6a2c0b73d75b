"""Ray Data: counts as a column, and `count_corpus` with its shares as tasks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from fasttok._util.extras import need
from fasttok._util.paths import PathLike
from fasttok._util.types import Errors, Special
from fasttok.integrations.carried import Carried, counts
from fasttok.integrations.shares import BINARY, NUMBERS, TASK_BYTES, Job, SharedRun
from fasttok.options import CorpusKeywords, documented
from fasttok.reports.count import Report
from fasttok.tokenizers.resolve import Spec

if TYPE_CHECKING:
    from typing_extensions import Unpack

_ENGINE = "fasttok.ray"


def count(
    dataset: Any,
    text: str = "text",
    encoding: Spec = "o200k_base",
    *,
    output: str = "tokens",
    special: Special = "text",
    errors: Errors = "strict",
    **map_batches: Any,
) -> Any:
    """The ``ray.data.Dataset`` with a column more: `output`, the number of tokens of the column `text` (int64), null
    where the text is.

    encoding: a name, a tokenizer file or an encoding. Workers need no file: it travels by name and hash, or whole.
    map_batches: what ``Dataset.map_batches`` takes besides, such as ``batch_size`` or ``concurrency``. A task has one
        core and one thread.

    Counts when the dataset is consumed; then raises in a task what :meth:`Encoding.count_batch` raises.
    """
    need("ray.data", "ray", _ENGINE)
    carried = Carried.of(encoding)

    def add(table: Any) -> Any:
        return table.append_column(output, counts(carried.here(), table.column(text), special, errors))

    # One batch is one block, as it lies in shared memory.
    asked = {"batch_size": None, "num_cpus": 1, **map_batches}
    return dataset.map_batches(add, batch_format="pyarrow", zero_copy_batch=True, **asked)


@documented(CorpusKeywords)
def count_corpus(
    paths: PathLike | Iterable[PathLike],
    encodings: Spec | Iterable[Spec] | Mapping[str, Spec] = ("o200k_base",),
    *,
    by: str | Iterable[str] = (),
    quantiles: bool = False,
    limits: int | Iterable[int] = (),
    task_bytes: int = TASK_BYTES,
    **options: Unpack[CorpusKeywords],
) -> Report:
    """:func:`fasttok.count_corpus` on a Ray cluster, to which this process is connected, or which it starts: the same
    report. All workers must see the files under the same paths. A task has one thread.

    paths, encodings, by, quantiles, limits: as for :func:`fasttok.count_corpus`.
    task_bytes: how much a task reads, about; less where that keeps all cores at work. What has parts (row groups,
        record batches, lines) is divided; what has none (a packed file, one document) is one task's.
    {options}

    Raises what :func:`fasttok.count_corpus` raises, and ``ValueError`` for `threads`, `on_progress` and `cancel`.
    """
    ray = need("ray", "ray", _ENGINE)
    data = need("ray.data", "ray", _ENGINE)
    pa = need("pyarrow", "ray", _ENGINE)
    if not ray.is_initialized():
        ray.init()
    cores = int(ray.cluster_resources().get("CPU", 1))
    run = SharedRun(f"{_ENGINE}.count_corpus", paths, encodings, by, quantiles, limits, task_bytes, cores, options)
    shares = [pa.table({"share": [index], "inputs": [share]}) for index, share in enumerate(run.shares)]
    if not shares:
        return run.report([])
    # What all shares have in common lies in shared memory once. A block is a share is a task.
    job = ray.put(run.job)

    def counted(batch: Any) -> Any:
        return _counted(batch, ray.get(job))

    rows = data.from_arrow(shares).map_batches(counted, batch_size=None, batch_format="pyarrow", num_cpus=1)
    return run.report(rows.take_all())


def _counted(shares: Any, job: Job) -> Any:
    import pyarrow as pa

    rows = [job.count(share["share"], share["inputs"]) for share in shares.to_pylist()]
    numbers = [(name, pa.int64()) for name in NUMBERS]
    binary = [(name, pa.large_binary()) for name in BINARY]
    return pa.Table.from_pylist(rows, pa.schema([*numbers, *binary]))
