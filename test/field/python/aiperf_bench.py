"""NVIDIA's aiperf behind Penstock: python aiperf_bench.py URL TOKENIZER"""

import glob
import json
import os
import subprocess
import sys

url, tokenizer = sys.argv[1:3]
for model, kind in [("plain", "chat"), ("smollm2", "chat"), ("smollm2", "completions")]:
    folder = f"{model}-{kind}"
    command = [
        os.path.join(os.path.dirname(sys.executable), "aiperf"), "profile", "--url", url, "--model", model, "--endpoint-type", kind, "--streaming",
        "--tokenizer", tokenizer, "--request-count", "4", "--concurrency", "2",
        "--synthetic-input-tokens-mean", "32", "--output-tokens-mean", "8",
        "--extra-inputs", "ignore_eos:true", "--extra-inputs", "min_tokens:8",
        "--artifact-dir", folder, "--ui", "none",
    ]
    result = subprocess.run(command, capture_output=True, text=True, timeout=240)
    print(result.stdout[-4000:], result.stderr[-4000:])
    report = json.load(open(glob.glob(f"{folder}/**/profile_export_aiperf.json", recursive=True)[0]))
    assert report["request_count"]["avg"] == 4 and not report.get("error_summary"), report
    if model == "smollm2":
        assert report["output_sequence_length"]["avg"] == 8, report["output_sequence_length"]
print("OK")
