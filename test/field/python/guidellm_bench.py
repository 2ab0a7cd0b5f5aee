"""GuideLLM behind Penstock: python guidellm_bench.py URL TOKENIZER

Of torch it uses only the loader of data: this script has one instead, which saves five gigabytes.
"""

import importlib.machinery
import json
import os
import sys
import types


class DataLoader:
    def __init__(self, dataset, batch_size=1, collate_fn=list, **_):
        self.dataset, self.batch_size, self.collate_fn = dataset, batch_size, collate_fn

    def __iter__(self):
        rows = []
        for row in self.dataset:
            rows.append(row)
            if len(rows) == (self.batch_size or 1):
                yield self.collate_fn(rows)
                rows = []
        if rows:
            yield self.collate_fn(rows)


class Generator:
    def manual_seed(self, seed):
        return self


def module(name, **members):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__dict__.update(members, __spec__=importlib.machinery.ModuleSpec(name, None))
    return sys.modules[name]


class IterableDataset:
    def __class_getitem__(cls, item):
        return cls


DataLoader.__class_getitem__ = classmethod(lambda cls, item: cls)
loader = module("torch.utils.data.dataloader", DataLoader=DataLoader)
dataset = module("torch.utils.data.dataset", IterableDataset=IterableDataset)
data = module(
    "torch.utils.data",
    dataloader=loader,
    dataset=dataset,
    IterableDataset=IterableDataset,
    get_worker_info=lambda: None,
)
utils = module("torch.utils", data=data)
module("torch", utils=utils, Generator=Generator, Tensor=type("Tensor", (), {}), __version__="0")

os.environ["USE_TORCH"] = "0"  # of transformers
from guidellm.__main__ import cli  # noqa: E402


def main():
    url, tokenizer = sys.argv[1:3]
    for model, path in [("plain", "chat/completions"), ("smollm2", "chat/completions"), ("smollm2", "completions")]:
        report = f"{model}-{path.replace('/', '-')}.json"
        cli(
            [
                "run",
                "--backend", f"kind=openai_http,target={url},model={model},request_format=/v1/{path}",
                "--profile", "kind=synchronous",
                "--constraint", "kind=max_requests,count=4",
                "--tokenizer", f"kind=huggingface_auto,model={tokenizer}",
                "--data", "kind=synthetic_text,prompt_tokens=32,output_tokens=8",
                "--output", f"kind=json,path={report}",
                "--disable-console-interactive",
            ],
            standalone_mode=False,
        )
        totals = json.load(open(report))["benchmarks"][0]["metrics"]["request_totals"]
        assert (totals["successful"], totals["errored"]) == (4, 0), totals
    print("OK")


if __name__ == "__main__":  # its processes import this script too
    main()
