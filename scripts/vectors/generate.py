#!/usr/bin/env python3
"""Writes the known-answer vectors, or with --check compares them with the committed ones."""

import argparse
import json
import pathlib
import sys

import make_edek
import make_pre
import make_schemes
import make_scram
import make_sealed
import make_shares
import make_signed
import selftest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CRATES = {
    "nucypher-pre": make_pre.FILES | make_schemes.FILES,
    "nucypher-envelope": make_edek.FILES | make_sealed.FILES | make_signed.ENVELOPE_FILES,
    "nucypher-kafka": make_signed.KAFKA_FILES | make_scram.FILES | make_shares.FILES,
}


def render(made):
    """`made` yields vectors, or is a dictionary of lists where a file has more than one."""
    document = {
        "about": "test vectors; never use these keys",
        "source": "scripts/vectors/generate.py",
        **(made if isinstance(made, dict) else {"vectors": list(made)}),
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail where a committed file differs"
    )
    check = parser.parse_args().check
    selftest.run()
    differing = 0
    for crate, files in CRATES.items():
        folder = ROOT / crate / "tests" / "vectors"
        for name, make in files.items():
            path, wanted = folder / name, render(make())
            count = len(json.loads(wanted)["vectors"])
            if not check:
                folder.mkdir(parents=True, exist_ok=True)
                path.write_text(wanted, encoding="utf-8")
            elif not path.exists() or path.read_text(encoding="utf-8") != wanted:
                differing += 1
                print(f"differs: {path.relative_to(ROOT)}")
                continue
            print(f"{path.relative_to(ROOT)}: {count} vectors")
        for path in sorted(folder.glob("*.json")):
            if path.name not in files:
                print(f"not made by this program: {path.relative_to(ROOT)}")
                differing += 1
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
